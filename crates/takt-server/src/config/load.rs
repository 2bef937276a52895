//! Reading the configuration, with errors that say which key and what to do.

use super::{Config, SECTIONS};
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use std::path::Path;

const ENV_PREFIX: &str = "TAKT_";
const SIMILARITY_MIN: f64 = 0.7;

/// The configuration can not be used; says every reason found.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);

/// Reads `file` (if given) and the environment over the defaults.
pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    let mut problems = Vec::new();
    if let Some(path) = file {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError(vec![format!("can not read {}: {error}", path.display())]))?;
        let table: toml::Table = toml::from_str(&text)
            .map_err(|error| ConfigError(vec![format!("{} is not valid TOML: {error}", path.display())]))?;
        problems.extend(unknown_in_file(&table));
        figment = figment.merge(Toml::string(&text));
    }
    problems.extend(unknown_in_environment(std::env::vars().map(|(name, _)| name)));
    figment = figment.merge(Env::prefixed(ENV_PREFIX).filter(|key| key.as_str().contains("__")).split("__"));
    if !problems.is_empty() {
        return Err(ConfigError(problems));
    }
    let config: Config = figment.extract().map_err(|error| {
        ConfigError(error.into_iter().map(|one| format!("{}: {}", one.path.join("."), one.kind)).collect())
    })?;
    check(&config)?;
    Ok(config)
}

fn unknown_in_file(table: &toml::Table) -> Vec<String> {
    let mut problems = Vec::new();
    for (section, value) in table {
        match (SECTIONS.iter().any(|known| known.name == section), value.as_table()) {
            (true, Some(keys)) => {
                problems.extend(keys.keys().filter_map(|key| unknown(&format!("{section}.{key}"))));
            }
            (true, None) => problems.push(format!("`{section}` is a section: write it as [{section}]")),
            (false, _) => problems.extend(unknown(section)),
        }
    }
    problems
}

/// Only names with a double underscore are keys; `TAKT_PASSWORD` and the like have other readers.
fn unknown_in_environment(names: impl Iterator<Item = String>) -> Vec<String> {
    names
        .filter_map(|name| {
            let key = name.strip_prefix(ENV_PREFIX).filter(|key| key.contains("__"))?;
            unknown(&key.to_ascii_lowercase().replace("__", ".")).map(|problem| format!("{name}: {problem}"))
        })
        .collect()
}

/// Why `key` is no key, with the nearest that is one.
fn unknown(key: &str) -> Option<String> {
    let known = SECTIONS.iter().flat_map(|s| s.keys.iter().map(move |k| format!("{}.{}", s.name, k.name)));
    let mut nearest = (SIMILARITY_MIN, None);
    for candidate in known {
        if candidate == key {
            return None;
        }
        let similarity = strsim::jaro_winkler(&candidate, key);
        if similarity > nearest.0 {
            nearest = (similarity, Some(candidate));
        }
    }
    Some(match nearest.1 {
        Some(candidate) => format!("unknown key `{key}`; did you mean `{candidate}`?"),
        None => format!("unknown key `{key}`; `takt check-config --reference` lists all keys"),
    })
}

fn check(config: &Config) -> Result<(), ConfigError> {
    let mut problems = Vec::new();
    let mut require = |holds: bool, problem: &str| {
        if !holds {
            problems.push(problem.to_owned());
        }
    };
    require(
        config.http.listen.parse::<std::net::SocketAddr>().is_ok(),
        "http.listen: must be ADDRESS:PORT, such as 127.0.0.1:8080",
    );
    require(
        config.video.duration_min <= config.video.duration_max,
        "video.duration_min: must not exceed video.duration_max",
    );
    require(config.video.duration_max <= 600, "video.duration_max: must be at most 600 seconds");
    require(config.processing.attempts_max >= 1, "processing.attempts_max: must be at least 1");
    require(config.processing.lease_s >= 5, "processing.lease_s: must be at least 5 seconds");
    require((1..=100).contains(&config.feed.page_items_max), "feed.page_items_max: must be 1 to 100");
    require(["text", "json"].contains(&config.log.format.as_str()), "log.format: must be `text` or `json`");
    require(config.account.argon2_memory_kib >= 8, "account.argon2_memory_kib: must be at least 8");
    require(config.account.argon2_passes >= 1, "account.argon2_passes: must be at least 1");
    let captions = &config.captions;
    let is_absolute = captions.command.as_ref().is_none_or(|command| command.is_absolute());
    require(is_absolute, "captions.command: must be an absolute path");
    let named = captions.arguments.iter().any(|argument| argument.contains("{sound}"));
    require(named, "captions.arguments: must name the sound: {sound}");
    require(captions.cpu_s >= 1, "captions.cpu_s: must be at least 1");
    let is_absolute = config.provenance.command.as_ref().is_none_or(|command| command.is_absolute());
    require(is_absolute, "provenance.command: must be an absolute path");
    for proxy in &config.http.trusted_proxies {
        require(proxy.parse::<std::net::IpAddr>().is_ok(), "http.trusted_proxies: must be IP addresses");
    }
    if problems.is_empty() { Ok(()) } else { Err(ConfigError(problems)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str) -> Result<Config, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        load(Some(file.path())).map_err(|error| error.to_string())
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest() {
        let error = load_text("[http]\nlisen = \"127.0.0.1:1\"\n").unwrap_err();
        assert_eq!(error, "unknown key `http.lisen`; did you mean `http.listen`?");
        let error = load_text("[htpp]\nlisten = \"127.0.0.1:1\"\n").unwrap_err();
        assert!(error.contains("unknown key `htpp`"), "{error}");
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let error = load_text("[video]\nduration_maxx = 1\n[log]\nfromat = \"x\"\n").unwrap_err();
        assert!(error.contains("`video.duration_max`") && error.contains("`log.format`"), "{error}");
    }

    #[test]
    fn values_are_checked() {
        assert!(load_text("[http]\nlisten = \"nowhere\"\n").unwrap_err().starts_with("http.listen: must be"));
        assert!(
            load_text("[video]\nduration_max = \"long\"\n").unwrap_err().starts_with("video.duration_max: ")
        );
        assert_eq!(load_text("[video]\nduration_max = 15\n").unwrap().video.duration_max, 15);
    }

    #[test]
    fn environment_names_are_checked_too() {
        let names = ["TAKT_HTTP__LISEN", "TAKT_PASSWORD", "HOME"].map(String::from);
        let problems = unknown_in_environment(names.into_iter());
        assert_eq!(problems, ["TAKT_HTTP__LISEN: unknown key `http.lisen`; did you mean `http.listen`?"]);
    }
}

//! `takt check-config`: the configuration that would be used, without its secrets.

use crate::logging;
use crate::settings::Settings;
use anyhow::{Context as _, Result};
use clap::Args;
use reqwest::Url;
use takt_server::config::Config;

const MASK: &str = "***";
/// Parameters of a database address that carry secrets.
const SECRET_PARAMETERS: [&str; 2] = ["password", "sslpassword"];

/// Arguments of `takt check-config`.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    settings: Settings,
    /// Print every key with its meaning and default instead
    #[arg(long)]
    reference: bool,
}

/// Prints the effective configuration, or fails with every problem found.
///
/// # Errors
/// Where the configuration can not be used.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.reference {
        return crate::generate::config_reference();
    }
    let config = options.settings.load()?;
    logging::filter(&config.log)?;
    print!(
        "{}",
        toml::to_string(&without_secrets(config)).context("can not write the configuration as TOML")?
    );
    Ok(())
}

fn without_secrets(mut config: Config) -> Config {
    config.data.database_url = config.data.database_url.as_deref().map(mask_address);
    for secret in [&mut config.media.s3_access_key, &mut config.media.s3_secret_key] {
        if secret.is_some() {
            *secret = Some(MASK.to_owned());
        }
    }
    config
}

/// The address with `***` for its password, wherever in it that stands.
fn mask_address(address: &str) -> String {
    let Ok(mut url) = address.parse::<Url>() else { return MASK.to_owned() };
    if url.password().is_some() && url.set_password(Some(MASK)).is_err() {
        return MASK.to_owned();
    }
    let parameters: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    if parameters.iter().any(|(name, _)| SECRET_PARAMETERS.contains(&name.as_str())) {
        let masked = parameters.iter().map(|(name, value)| {
            (name.as_str(), if SECRET_PARAMETERS.contains(&name.as_str()) { MASK } else { value.as_str() })
        });
        url.query_pairs_mut().clear().extend_pairs(masked);
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_printed() {
        let mut config = Config::default();
        config.data.database_url =
            Some("postgres://takt:hunter2@db/takt?sslmode=require&password=hunter2".into());
        config.media.s3_access_key = Some("hunter2".into());
        config.media.s3_secret_key = Some("hunter2".into());
        let text = toml::to_string(&without_secrets(config)).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("postgres://takt:***@db/takt?sslmode=require&password=***"), "{text}");
    }

    #[test]
    fn what_is_no_address_is_masked_whole() {
        assert_eq!(mask_address("host=db password=hunter2"), MASK);
        assert_eq!(mask_address("postgres://db/takt"), "postgres://db/takt");
    }

    #[test]
    fn what_is_printed_can_be_read_again() {
        let text = toml::to_string(&without_secrets(Config::default())).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        assert!(takt_server::config::load(Some(file.path())).is_ok());
    }
}

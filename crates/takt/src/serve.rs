//! `takt serve`: the server, until a signal comes.

use crate::logging;
use crate::settings::Settings;
use anyhow::{Context as _, Result};
use clap::Args;
use std::io::Write as _;
use std::net::SocketAddr;
use takt_core::Clock;
use takt_server::App;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Exit code of a server that was told twice to stop, as shells count SIGINT.
const EXIT_AT_ONCE: i32 = 130;

/// Arguments of `takt serve`.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    settings: Settings,
    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

/// Serves until SIGINT or SIGTERM, then finishes what is under way. A second signal ends at once.
///
/// # Errors
/// Where the configuration, a store or the address can not be used.
pub(crate) async fn run(options: Options) -> Result<()> {
    let mut config = options.settings.load()?;
    if let Some(listen) = options.listen {
        config.http.listen = listen.to_string();
    }
    logging::install(&config.log)?;
    let mut signals = Signals::catch()?;
    // The address first: a server that runs already is found out before anything is opened.
    let listen = config.http.listen.clone();
    let listener = TcpListener::bind(&listen).await.with_context(|| format!("can not listen on {listen}"))?;
    let address = listener.local_addr().context("can not learn the address listened on")?;
    let app = tokio::select! {
        app = App::start(config, Clock::system()) => app?,
        () = signals.next() => return Ok(()),
    };
    announce(address);
    app.serve(listener, async move {
        signals.next().await;
        tracing::info!("stopping; requests under way are finished, a second signal stops at once");
        tokio::spawn(async move {
            signals.next().await;
            std::process::exit(EXIT_AT_ONCE);
        });
    })
    .await?;
    Ok(())
}

/// Standard output carries nothing but this line, so that scripts can wait for it.
fn announce(address: SocketAddr) {
    tracing::info!(%address, "ready");
    let mut out = std::io::stdout();
    // A closed standard output is no reason not to serve.
    let _ = writeln!(out, "takt is running at http://{address}").and_then(|()| out.flush());
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn catch() -> Result<Self> {
        let catch = |kind| signal(kind).context("can not catch signals");
        Ok(Self { interrupt: catch(SignalKind::interrupt())?, terminate: catch(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

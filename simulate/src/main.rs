//! Dev main.
use takt_simulate::{config::Config, recommender::Kind, run::run, world::World};
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
fn main() -> anyhow::Result<()> {
    let quick = std::env::args().any(|a| a == "--quick");
    let world = World::new(if quick { Config::QUICK } else { Config::FULL }, 1);
    for kind in Kind::ALL {
        let t = std::time::Instant::now();
        let o = run(&world, kind)?;
        println!(
            "{:14} sat_s {:6.1} share {:.3} swipes {:.1} min {:.1} new {:.3} found {:.2}/{:.2} gini {:.3} rep {} rec {:?} before {:.3} after {:.3} | {:?} {:?}",
            kind.title(),
            o.satisfied_s_per_session,
            o.satisfied_share,
            o.swipes_per_session,
            o.minutes_per_session,
            o.newcomers_satisfied_share,
            o.found_share,
            o.found_share_best,
            o.creator_gini,
            o.repeats,
            o.recovery,
            o.before_change_share,
            o.after_change_share,
            o.feedback,
            t.elapsed()
        );
        println!("    learn {:?}", o.learning_curve.iter().map(|x| (x * 100.0).round()).collect::<Vec<_>>());
        println!(
            "    change {:?}",
            o.change_curve.chunks(10).map(|x| (x.iter().sum::<f64>() * 10.0).round()).collect::<Vec<_>>()
        );
    }
    Ok(())
}

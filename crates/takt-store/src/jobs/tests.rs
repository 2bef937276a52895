//! The queue on both databases.

use super::*;
use crate::{Migration, db_test};
use std::collections::BTreeSet;

const TABLES: &[Migration] = &[
    Migration { version: 1, name: "job", sql: JOB_TABLE_SQL },
    Migration { version: 2, name: "effect", sql: "CREATE TABLE effect (key TEXT PRIMARY KEY)" },
];
const LEASE_MS: i64 = 10_000;

fn clock() -> Clock {
    Clock::fixed(Timestamp::from_millis(1_000_000))
}

fn new_job(key: &str, clock: &Clock) -> NewJob {
    NewJob {
        kind: "transcode",
        key: key.to_owned(),
        payload: serde_json::json!({"key": key}),
        priority: 0,
        attempts_max: 3,
        run_at: clock.now(),
    }
}

async fn put(db: &Db, queue: &JobQueue, job: NewJob, clock: &Clock) -> Option<JobId> {
    db.write(async |tx| queue.enqueue(tx, job, clock).await).await.unwrap()
}

async fn claim(db: &Db, queue: &JobQueue, clock: &Clock) -> Option<Job> {
    queue.claim(db, &["transcode", "delete"], LEASE_MS, clock).await.unwrap()
}

async fn counts(db: &Db, queue: &JobQueue) -> (i64, i64, i64) {
    let counts = queue.counts(db).await.unwrap();
    (counts.ready, counts.running, counts.parked)
}

db_test!(
    TABLES,
    async fn a_job_from_birth_to_end(db: Db) {
        let (queue, clock) = (JobQueue::new(), clock());
        assert_eq!(claim(&db, &queue, &clock).await, None);
        let id = put(&db, &queue, new_job("a", &clock), &clock).await.unwrap();
        assert_eq!(put(&db, &queue, new_job("a", &clock), &clock).await, None, "unfinished already");
        assert_eq!(counts(&db, &queue).await, (1, 0, 0));
        assert_eq!(queue.claim(&db, &["other"], LEASE_MS, &clock).await.unwrap(), None);
        assert_eq!(queue.claim(&db, &[], LEASE_MS, &clock).await.unwrap(), None);

        let job = claim(&db, &queue, &clock).await.unwrap();
        assert_eq!((job.id, job.kind.as_str(), job.key.as_str(), job.attempt), (id, "transcode", "a", 1));
        assert_eq!(job.payload, serde_json::json!({"key": "a"}));
        assert_eq!(claim(&db, &queue, &clock).await, None, "it is leased");
        assert_eq!(put(&db, &queue, new_job("a", &clock), &clock).await, None, "it is running");
        clock.advance_ms(LEASE_MS - 1);
        assert!(queue.heartbeat(&db, &job, LEASE_MS, &clock).await.unwrap());
        clock.advance_ms(LEASE_MS - 1);
        assert_eq!(claim(&db, &queue, &clock).await, None, "the heartbeat prolonged the lease");

        queue.finish(&db, &job).await.unwrap();
        assert!(matches!(queue.finish(&db, &job).await, Err(JobError::Lost)));
        assert_eq!(counts(&db, &queue).await, (0, 0, 0));
        assert!(put(&db, &queue, new_job("a", &clock), &clock).await.is_some(), "it may be done again");
    }
);

db_test!(
    TABLES,
    async fn urgent_jobs_first_then_older_ones_and_none_early(db: Db) {
        let (queue, clock) = (JobQueue::new(), clock());
        let now = clock.now();
        for (key, priority, run_at) in [
            ("late", 0, now),
            ("later", 0, now.plus_ms(5)),
            ("early", 0, now.plus_ms(-5)),
            ("urgent", 9, now),
        ] {
            put(&db, &queue, NewJob { priority, run_at, ..new_job(key, &clock) }, &clock).await.unwrap();
        }
        for expected in [Some("urgent"), Some("early"), Some("late"), None] {
            assert_eq!(claim(&db, &queue, &clock).await.map(|job| job.key).as_deref(), expected);
        }
        clock.advance_ms(5);
        assert_eq!(claim(&db, &queue, &clock).await.map(|job| job.key).as_deref(), Some("later"));
    }
);

db_test!(
    TABLES,
    async fn a_lost_lease_costs_an_attempt_and_the_last_one_parks(db: Db) {
        let (queue, clock) = (JobQueue::new(), clock());
        put(&db, &queue, new_job("a", &clock), &clock).await.unwrap();
        let mut lost = Vec::new();
        for attempt in 1..=3 {
            let job = claim(&db, &queue, &clock).await.unwrap();
            assert_eq!(job.attempt, attempt);
            lost.push(job);
            clock.advance_ms(LEASE_MS);
        }
        assert_eq!(claim(&db, &queue, &clock).await, None);
        assert_eq!(counts(&db, &queue).await, (0, 0, 1));
        let parked = queue.parked(&db, 10).await.unwrap();
        assert!(parked[0].reason.as_deref().unwrap().starts_with("gave up after 3 tries"), "{parked:?}");
        for job in &lost {
            assert!(matches!(queue.finish(&db, job).await, Err(JobError::Lost)));
            assert!(matches!(queue.retry(&db, job, "x", &clock).await, Err(JobError::Lost)));
            assert!(matches!(queue.park(&db, job, "x").await, Err(JobError::Lost)));
            assert!(matches!(queue.give_back(&db, job, &clock).await, Err(JobError::Lost)));
            assert!(!queue.heartbeat(&db, job, LEASE_MS, &clock).await.unwrap());
        }
        assert_eq!(put(&db, &queue, new_job("a", &clock), &clock).await, None, "parked is unfinished");
        let id = parked[0].id;
        assert!(db.write(async |tx| queue.unpark(tx, id, &clock).await).await.unwrap());
        assert!(!db.write(async |tx| queue.unpark(tx, id, &clock).await).await.unwrap());
        assert_eq!(claim(&db, &queue, &clock).await.unwrap().attempt, 1);
    }
);

db_test!(
    TABLES,
    async fn failures_are_retried_with_growing_pauses_then_parked(db: Db) {
        let (queue, clock) = (JobQueue::new(), clock());
        put(&db, &queue, new_job("a", &clock), &clock).await.unwrap();
        for attempt in 1..=2 {
            let job = claim(&db, &queue, &clock).await.unwrap();
            let Retried::At(at) = queue.retry(&db, &job, "no disk", &clock).await.unwrap() else {
                panic!("parked")
            };
            let pause = at.millis() - clock.now().millis();
            let longest = RETRY_PAUSE_MIN_MS << (attempt - 1);
            assert!((longest / 2..=longest).contains(&pause), "{pause}");
            clock.advance_ms(pause - 1);
            assert_eq!(claim(&db, &queue, &clock).await, None);
            clock.advance_ms(1);
        }
        let job = claim(&db, &queue, &clock).await.unwrap();
        assert_eq!(queue.retry(&db, &job, "no disk", &clock).await.unwrap(), Retried::Parked);
        let parked = queue.parked(&db, 10).await.unwrap();
        assert_eq!(parked[0].reason.as_deref(), Some("gave up after 3 tries: no disk"));
        assert_eq!(parked[0].attempt, 3);
    }
);

db_test!(
    TABLES,
    async fn shutting_down_costs_no_attempt(db: Db) {
        let (queue, clock) = (JobQueue::new(), clock());
        put(&db, &queue, new_job("a", &clock), &clock).await.unwrap();
        for _ in 0..5 {
            let job = claim(&db, &queue, &clock).await.unwrap();
            assert_eq!(job.attempt, 1);
            queue.give_back(&db, &job, &clock).await.unwrap();
        }
        let job = claim(&db, &queue, &clock).await.unwrap();
        assert!(db.write(async |tx| queue.cancel(tx, "transcode", "a").await).await.unwrap());
        assert!(matches!(queue.finish(&db, &job).await, Err(JobError::Lost)));
    }
);

db_test!(
    TABLES,
    async fn an_effect_and_its_job_end_together(db: Db) {
        let (queue, clock) = (JobQueue::new(), clock());
        put(&db, &queue, new_job("a", &clock), &clock).await.unwrap();
        let first = claim(&db, &queue, &clock).await.unwrap();
        clock.advance_ms(LEASE_MS);
        let second = claim(&db, &queue, &clock).await.unwrap();
        let finish = async |job: &Job| {
            db.write(async |tx| {
                tx.exec("INSERT INTO effect (key) VALUES ($1)", args![&job.key]).await?;
                queue.finish_in(tx, job).await
            })
            .await
        };
        assert!(matches!(finish(&first).await, Err(JobError::Lost)));
        finish(&second).await.unwrap();
        assert!(matches!(finish(&second).await, Err(JobError::Db(error)) if error.is_conflict()));
        assert_eq!(db.one::<(String,)>("SELECT key FROM effect", args![]).await.unwrap().0, "a");
    }
);

db_test!(
    TABLES,
    async fn many_workers_never_share_a_job(db: Db) {
        const JOBS: usize = 60;
        let (queue, clock) = (JobQueue::new(), clock());
        db.write(async |tx| {
            for key in 0..JOBS {
                queue.enqueue(tx, new_job(&key.to_string(), &clock), &clock).await?;
            }
            Ok::<(), DbError>(())
        })
        .await
        .unwrap();
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let (db, queue, clock) = (db.clone(), queue.clone(), clock.clone());
            workers.spawn(async move {
                let mut done = Vec::new();
                while let Some(job) = claim(&db, &queue, &clock).await {
                    db.write(async |tx| {
                        tx.exec("INSERT INTO effect (key) VALUES ($1)", args![&job.key]).await?;
                        queue.finish_in(tx, &job).await
                    })
                    .await
                    .unwrap();
                    done.push(job.key);
                }
                done
            });
        }
        let done: Vec<String> = workers.join_all().await.into_iter().flatten().collect();
        assert_eq!(done.len(), JOBS);
        assert_eq!(done.into_iter().collect::<BTreeSet<String>>().len(), JOBS);
        assert_eq!(counts(&db, &queue).await, (0, 0, 0));
    }
);

#[tokio::test]
async fn waking_is_never_missed() {
    let queue = JobQueue::new();
    // Before anybody waits …
    queue.wake();
    tokio::time::timeout(Duration::from_secs(30), queue.wait(Duration::from_secs(3600))).await.unwrap();
    // … and everybody who does.
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let queue = queue.clone();
            tokio::spawn(async move { queue.wait(Duration::from_secs(3600)).await })
        })
        .collect();
    let woken = futures::future::join_all(waiting);
    tokio::pin!(woken);
    while tokio::time::timeout(Duration::from_millis(20), &mut woken).await.is_err() {
        queue.wake();
    }
    // And time ends it.
    JobQueue::new().wait(Duration::from_millis(1)).await;
}

db_test!(
    TABLES,
    async fn a_new_process_ends_the_leases_of_a_dead_one(db: Db) {
        let (queue, clock) = (JobQueue::new(), clock());
        put(&db, &queue, new_job("a", &clock), &clock).await;
        let first = claim(&db, &queue, &clock).await.unwrap();
        assert_eq!(queue.end_leases(&db, &clock).await.unwrap(), 1);
        let second = claim(&db, &queue, &clock).await.unwrap();
        assert_eq!((second.id, second.attempt), (first.id, 2));
        assert!(matches!(queue.finish(&db, &first).await, Err(JobError::Lost)));
        queue.finish(&db, &second).await.unwrap();
    }
);

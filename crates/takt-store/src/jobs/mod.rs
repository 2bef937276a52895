//! Work to do, as rows: enqueued with the row that needs it, leased, retried with back-off, parked with a reason.
//!
//! A job is *ready* (to run at `run_at`), *running* (leased until `lease_until`) or *parked* (given up; people look).
//! Done jobs are deleted. A lease that ran out makes its job claimable again: its worker is dead or lost. That costs
//! an attempt, so that a job which kills its worker every time is parked too, and none can loop for ever.
//!
//! Invariant: at any moment at most one worker holds the valid lease of a job. Who lost it finds out at the next call
//! ([`JobError::Lost`]), and [`JobQueue::finish_in`] undoes the effect with it. Time comes from the [`Clock`] alone.

#[cfg(test)]
mod tests;

use crate::db::random_bytes;
use crate::{Args, Db, DbError, Tx, args, in_list, record};
use std::sync::Arc;
use std::time::Duration;
use takt_core::{Clock, JobId, Timestamp};
use tokio::sync::Notify;

/// The table, for a migration of the product.
pub const JOB_TABLE_SQL: &str = "\
CREATE TABLE job (
    id UUID PRIMARY KEY,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    payload JSON NOT NULL,
    priority BIGINT NOT NULL,
    state TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    attempts_max BIGINT NOT NULL,
    run_at BIGINT NOT NULL,
    lease_until BIGINT,
    lease_token UUID,
    reason TEXT,
    created_at BIGINT NOT NULL,
    UNIQUE (kind, key)
);
CREATE INDEX job_by_due ON job (kind, state, priority, run_at);
";

/// The first pause before a job is tried again; it doubles with each attempt.
pub const RETRY_PAUSE_MIN_MS: i64 = 1_000;
/// No pause is longer.
pub const RETRY_PAUSE_MAX_MS: i64 = 15 * 60 * 1_000;

/// A job to enqueue.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// What to do; workers claim by kind.
    pub kind: &'static str,
    /// What to do it to. Of one kind and key there is at most one unfinished job.
    pub key: String,
    /// What else the worker needs: a JSON object or array.
    pub payload: serde_json::Value,
    /// Higher goes first.
    pub priority: i64,
    /// How often to try before parking.
    pub attempts_max: u32,
    /// Not before this time.
    pub run_at: Timestamp,
}

record! {
    /// A job as its worker sees it.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Job {
        /// Its identity.
        pub id: JobId,
        /// What to do.
        pub kind: String,
        /// What to do it to.
        pub key: String,
        /// What else the worker needs.
        pub payload: serde_json::Value,
        /// The how-manieth attempt this is, from 1.
        pub attempt: u32,
        /// How often to try before parking.
        pub attempts_max: u32,
        /// Proof of the lease.
        pub lease_token: JobId,
    }

    /// A job that was given up.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ParkedJob {
        /// Its identity.
        pub id: JobId,
        /// What was to be done.
        pub kind: String,
        /// What it was to be done to.
        pub key: String,
        /// How often it was tried.
        pub attempt: u32,
        /// Why it was given up.
        pub reason: Option<String>,
    }
}

/// How many jobs are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// Waiting for a worker or for their time.
    pub ready: i64,
    /// Leased, the dead ones whose lease has not run out included.
    pub running: i64,
    /// Given up.
    pub parked: i64,
}

/// Why a worker's word on its job did not count.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JobError {
    /// The lease ran out and somebody else has the job, or it was cancelled. Drop what was done.
    #[error("the lease of this job is lost")]
    Lost,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What happened to a job that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retried {
    /// It runs again at this time.
    At(Timestamp),
    /// That was the last attempt; it is parked.
    Parked,
}

/// The queue. Cheap to clone; clones in one process wake each other's workers.
#[derive(Clone, Default)]
pub struct JobQueue {
    notify: Arc<Notify>,
}

impl JobQueue {
    /// A queue on the `job` table of whichever database its calls are given.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a job in line, in the transaction of whatever needs it. `None` when one of this kind and key is already
    /// unfinished, parked included; that one stays as it is.
    ///
    /// Call [`JobQueue::wake`] after the commit, so that a worker of this process starts at once instead of at its next look.
    pub async fn enqueue(&self, tx: &mut Tx, job: NewJob, clock: &Clock) -> Result<Option<JobId>, DbError> {
        let id = JobId::mint(clock);
        let added = tx
            .exec(
                "INSERT INTO job (id, kind, key, payload, priority, state, attempt, attempts_max, run_at, created_at) \
                 VALUES ($1, $2, $3, $4, $5, 'ready', 0, $6, $7, $8) ON CONFLICT (kind, key) DO NOTHING",
                args![
                    id,
                    job.kind,
                    job.key,
                    job.payload,
                    job.priority,
                    job.attempts_max.max(1),
                    job.run_at,
                    clock.now()
                ],
            )
            .await?;
        Ok((added == 1).then_some(id))
    }

    /// Wakes waiting workers of this process: there may be something to claim.
    pub fn wake(&self) {
        self.notify.notify_waiters();
        // And one that is between looking and waiting.
        self.notify.notify_one();
    }

    /// Waits until [`JobQueue::wake`], but no longer than `longest`: other processes enqueue too, and times come.
    pub async fn wait(&self, longest: Duration) {
        let _ = tokio::time::timeout(longest, self.notify.notified()).await;
    }

    /// Takes the most urgent job of these kinds that is due, or whose lease ran out, for `lease_ms`.
    ///
    /// Jobs whose attempts are used up by lost leases are parked on the way.
    pub async fn claim(
        &self,
        db: &Db,
        kinds: &[&str],
        lease_ms: i64,
        clock: &Clock,
    ) -> Result<Option<Job>, DbError> {
        loop {
            let now = clock.now();
            let token = JobId::from(uuid::Uuid::from_bytes(random_bytes()));
            let mut arguments = args![now, now.plus_ms(lease_ms), token];
            arguments.extend(kinds.iter().copied());
            let sql = format!(
                "UPDATE job SET state = 'running', attempt = attempt + 1, lease_until = $2, lease_token = $3 \
                 WHERE id = (SELECT id FROM job WHERE kind IN ({}) \
                   AND ((state = 'ready' AND run_at <= $1) OR (state = 'running' AND lease_until <= $1)) \
                   ORDER BY priority DESC, run_at, id LIMIT 1{}) \
                 RETURNING id, kind, key, payload, attempt, attempts_max, lease_token",
                in_list(4, kinds.len()),
                db.skip_locked(),
            );
            let Some(job) = db.all_dyn::<Job>(sql, arguments).await?.pop() else { return Ok(None) };
            if job.attempt <= job.attempts_max {
                return Ok(Some(job));
            }
            let tries = job.attempts_max;
            match self
                .park(db, &job, &format!("gave up after {tries} tries: the worker stopped each time"))
                .await
            {
                // Somebody cancelled it meanwhile.
                Ok(()) | Err(JobError::Lost) => {}
                Err(JobError::Db(error)) => return Err(error),
            }
        }
    }

    /// Prolongs the lease to `lease_ms` from now. `false` when it is lost: stop working.
    pub async fn heartbeat(&self, db: &Db, job: &Job, lease_ms: i64, clock: &Clock) -> Result<bool, DbError> {
        let until = clock.now().plus_ms(lease_ms);
        let rows = db
            .exec(
                "UPDATE job SET lease_until = $3 WHERE id = $1 AND lease_token = $2",
                args![job.id, job.lease_token, until],
            )
            .await?;
        Ok(rows == 1)
    }

    /// Ends every lease, so that what was under way can be claimed at once (which costs an attempt, as ever). For a start
    /// of the only process there is: whoever held these leases is dead.
    pub async fn end_leases(&self, db: &Db, clock: &Clock) -> Result<u64, DbError> {
        db.exec("UPDATE job SET lease_until = $1 WHERE state = 'running'", args![clock.now()]).await
    }

    /// The job is done.
    pub async fn finish(&self, db: &Db, job: &Job) -> Result<(), JobError> {
        let done = db.exec(FINISH, args![job.id, job.lease_token]).await?;
        if done == 1 { Ok(()) } else { Err(JobError::Lost) }
    }

    /// The job is done, in the transaction of its effect. [`JobError::Lost`] must end that transaction.
    pub async fn finish_in(&self, tx: &mut Tx, job: &Job) -> Result<(), JobError> {
        let done = tx.exec(FINISH, args![job.id, job.lease_token]).await?;
        if done == 1 { Ok(()) } else { Err(JobError::Lost) }
    }

    /// The attempt failed: try again later (the pause doubles, with chance in it), or park after the last attempt.
    pub async fn retry(&self, db: &Db, job: &Job, reason: &str, clock: &Clock) -> Result<Retried, JobError> {
        if job.attempt >= job.attempts_max {
            let tries = job.attempts_max;
            self.park(db, job, &format!("gave up after {tries} tries: {reason}")).await?;
            return Ok(Retried::Parked);
        }
        let at = clock.now().plus_ms(retry_pause_ms(job.attempt));
        self.release(db, job, at, reason).await?;
        Ok(Retried::At(at))
    }

    /// Gives the job back without blame, for shutting down: it is ready at once and the attempt does not count.
    pub async fn give_back(&self, db: &Db, job: &Job, clock: &Clock) -> Result<(), JobError> {
        let rows = db
            .exec(
                "UPDATE job SET state = 'ready', attempt = attempt - 1, run_at = $3, lease_until = NULL, \
                 lease_token = NULL WHERE id = $1 AND lease_token = $2",
                args![job.id, job.lease_token, clock.now()],
            )
            .await?;
        self.wake();
        if rows == 1 { Ok(()) } else { Err(JobError::Lost) }
    }

    async fn release(&self, db: &Db, job: &Job, at: Timestamp, reason: &str) -> Result<(), JobError> {
        let rows = db
            .exec(
                "UPDATE job SET state = 'ready', run_at = $3, reason = $4, lease_until = NULL, lease_token = NULL \
                 WHERE id = $1 AND lease_token = $2",
                args![job.id, job.lease_token, at, reason],
            )
            .await?;
        if rows == 1 { Ok(()) } else { Err(JobError::Lost) }
    }

    /// Gives the job up. The reason is shown to people.
    pub async fn park(&self, db: &Db, job: &Job, reason: &str) -> Result<(), JobError> {
        let rows = db.exec(PARK, args![job.id, job.lease_token, reason]).await?;
        if rows == 1 { Ok(()) } else { Err(JobError::Lost) }
    }

    /// Gives the job up, in the transaction that writes down why. [`JobError::Lost`] must end that transaction.
    pub async fn park_in(&self, tx: &mut Tx, job: &Job, reason: &str) -> Result<(), JobError> {
        let rows = tx.exec(PARK, args![job.id, job.lease_token, reason]).await?;
        if rows == 1 { Ok(()) } else { Err(JobError::Lost) }
    }

    /// Forgets the job of this kind and key, whatever its state; a worker that has it finds its lease lost.
    pub async fn cancel(&self, tx: &mut Tx, kind: &str, key: &str) -> Result<bool, DbError> {
        Ok(tx.exec("DELETE FROM job WHERE kind = $1 AND key = $2", args![kind, key]).await? == 1)
    }

    /// Makes a parked job ready again with all its attempts. `false` when there is none.
    pub async fn unpark(&self, tx: &mut Tx, id: JobId, clock: &Clock) -> Result<bool, DbError> {
        let rows = tx
            .exec(
                "UPDATE job SET state = 'ready', attempt = 0, run_at = $2, reason = NULL \
                 WHERE id = $1 AND state = 'parked'",
                args![id, clock.now()],
            )
            .await?;
        Ok(rows == 1)
    }

    /// Parked jobs, the newest first.
    pub async fn parked(&self, db: &Db, limit: u32) -> Result<Vec<ParkedJob>, DbError> {
        db.all(
            "SELECT id, kind, key, attempt, reason FROM job WHERE state = 'parked' ORDER BY id DESC LIMIT $1",
            args![limit],
        )
        .await
    }

    /// How many jobs are in each state.
    pub async fn counts(&self, db: &Db) -> Result<JobCounts, DbError> {
        let rows: Vec<(String, i64)> =
            db.all("SELECT state, COUNT(*) FROM job GROUP BY state ORDER BY state", Args::new()).await?;
        let mut counts = JobCounts::default();
        for (state, count) in rows {
            match state.as_str() {
                "ready" => counts.ready = count,
                "running" => counts.running = count,
                "parked" => counts.parked = count,
                other => return Err(DbError::Corrupt(format!("a job has the state {other}"))),
            }
        }
        Ok(counts)
    }
}

const FINISH: &str = "DELETE FROM job WHERE id = $1 AND lease_token = $2";
const PARK: &str = "UPDATE job SET state = 'parked', reason = $3, lease_until = NULL, lease_token = NULL \
                    WHERE id = $1 AND lease_token = $2";

/// The pause after attempt number `attempt`: doubling, the upper half of it by chance, so that jobs that failed
/// together do not come back together.
fn retry_pause_ms(attempt: u32) -> i64 {
    let doubled =
        RETRY_PAUSE_MIN_MS.saturating_mul(1 << attempt.saturating_sub(1).min(20)).min(RETRY_PAUSE_MAX_MS);
    let half = doubled / 2;
    half + i64::from(u32::from_le_bytes(random_bytes())) % (half + 1)
}

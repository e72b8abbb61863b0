//! A scheduler in a web service: it starts before the first request and stops after the last one, so that every
//! request finds it running. The handle is the state of the service: jobs are listed and run by HTTP.
//!
//! ```text
//! cargo run --example axum_lifespan
//! curl http://127.0.0.1:…/jobs
//! curl -X POST http://127.0.0.1:…/jobs/daytime/runs      # waits for its outcome
//! ```
//!
//! Its job asks a server for the time of day (RFC 867): the one that is named as an argument, `HOST:PORT`.

use anyhow::Context;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use runner::{ControlError, Handle, Job, JobStatus, Overlap, Row, Scheduler, ShutdownGrace, Trigger, Zone};
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "time.nist.gov:13".to_owned());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);

    let mut scheduler = Scheduler::builder().build();
    scheduler.add(daytime(server)?)?;
    let handle = scheduler.start()?;

    axum::serve(listener, routes(handle.clone())).with_graceful_shutdown(asked_to_stop()).await?;
    println!("all requests are answered");

    let report = handle.shutdown(ShutdownGrace::secs(30)).await;
    for run in report.finished {
        println!("finished: {run}");
    }
    Ok(())
}

fn routes(scheduler: Handle) -> Router {
    Router::new().route("/jobs", get(list)).route("/jobs/{job}/runs", post(run)).with_state(scheduler)
}

/// Answers with how each job stands.
async fn list(State(scheduler): State<Handle>) -> Json<Vec<JobStatus>> {
    Json(scheduler.list())
}

/// Runs a job now, and answers with how that ended. The run goes on if the client does not wait.
async fn run(State(scheduler): State<Handle>, Path(job): Path<String>) -> Result<Json<Arc<Row>>, Failure> {
    Ok(Json(scheduler.trigger(&job)?.await?))
}

/// What the scheduler could not do, as HTTP has it.
struct Failure(ControlError);

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Failure {
        Failure(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match &self.0 {
            ControlError::UnknownJob { .. } => StatusCode::NOT_FOUND,
            ControlError::Stopped => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, format!("{}\n", self.0)).into_response()
    }
}

fn daytime(server: String) -> anyhow::Result<Job> {
    let hourly = Trigger::cron("0 * * * *", &Zone::utc())?;
    let job = Job::new("daytime", hourly, move |context| {
        let server = server.clone();
        async move {
            let mut connection = TcpStream::connect(&server).await.with_context(|| server.clone())?;
            let mut text = String::new();
            connection.read_to_string(&mut text).await?;
            println!("{}: {}", context.run, text.trim());
            anyhow::Ok(())
        }
    });
    Ok(job.on_startup().overlap(Overlap::Allow))
}

/// Returns when Ctrl-C is pressed or a service manager sends SIGTERM.
async fn asked_to_stop() {
    let mut terminate = signal(SignalKind::terminate()).expect("tokio's signals are enabled");
    tokio::select! {
        _ = ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    println!("stopping: no more requests");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn once_the_scheduler_has_stopped_the_service_is_unavailable() -> anyhow::Result<()> {
        let scheduler = Scheduler::builder().build().start()?;
        scheduler.shutdown(ShutdownGrace::secs(0)).await;
        let answer = run(State(scheduler), Path("daytime".to_owned())).await;
        assert_eq!(answer.into_response().status(), StatusCode::SERVICE_UNAVAILABLE);
        Ok(())
    }
}

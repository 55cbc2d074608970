//! A request to a route that keeps answers: given from the cache, or asked of the container and kept.

use crate::{
    cache::{Flight, Kept, Place, Question, Rules, Turn},
    index::Target,
    pool::UpstreamError,
    proxy::{Answer, Visit},
};
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE},
};
use http_body_util::Either;
use hyper::body::Incoming;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// How long a request waits for the answer that another has asked for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers a request by the route's rules.
pub async fn answer(
    visit: Visit<'_>,
    rules: &Rules,
    target: &Target,
    request: Request<Incoming>,
) -> Result<Answer, UpstreamError> {
    let cache = &visit.edge.cache;
    let place = Place::new(
        target.shelf.generation(),
        target.route.scheme,
        &visit.authority,
        request.uri(),
    );
    // What a client's certificate opens is not for others.
    let question = match visit.origin.is_known() {
        true => None,
        false => Question::read(rules, place.clone(), &request),
    };
    let Some(question) = question else {
        return pass(visit, place, request).await;
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = cache.find(&question);
        let stale = match found {
            Some(kept) if kept.is_fresh() => return Ok(give(&kept, &request)),
            Some(kept) if question.is_get => kept.validators().map(|validators| (kept, validators)),
            _ => None,
        };
        if stale.is_none() && !question.is_whole {
            let answer = visit.ask(request).await?;
            return Ok(marked(answer, "MISS"));
        }
        match cache.turn(&question, deadline).await {
            Turn::Again => {}
            Turn::First(flight) => {
                return match stale {
                    Some((kept, validators)) => {
                        let asked = Asked { question, flight };
                        revalidate(visit, rules, asked, &kept, validators, request).await
                    }
                    None => fill(visit, rules, Asked { question, flight }, request).await,
                };
            }
        }
    }
}

/// What this request asks for others as well.
struct Asked {
    question: Question,
    flight: Flight,
}

/// Lets a request through that the cache has nothing to do with, except that a change makes what is kept wrong
/// (RFC 9111, 4.4).
async fn pass(visit: Visit<'_>, place: Place, request: Request<Incoming>) -> Result<Answer, UpstreamError> {
    let cache = Arc::clone(&visit.edge.cache);
    let is_change = !request.method().is_safe();
    let answer = visit.ask(request).await?;
    let is_done = answer.status().is_success() || answer.status().is_redirection();
    if is_change && is_done {
        cache.forget(&place);
    }
    Ok(answer)
}

async fn fill(
    visit: Visit<'_>,
    rules: &Rules,
    asked: Asked,
    request: Request<Incoming>,
) -> Result<Answer, UpstreamError> {
    let cache = Arc::clone(&visit.edge.cache);
    let answered = visit.send(request).await?;
    let recording = cache.record(asked.question, rules, &answered.response, asked.flight);
    Ok(marked(answered.into_answer(recording), "MISS"))
}

async fn revalidate(
    visit: Visit<'_>,
    rules: &Rules,
    asked: Asked,
    kept: &Kept,
    validators: HeaderMap,
    mut request: Request<Incoming>,
) -> Result<Answer, UpstreamError> {
    let cache = Arc::clone(&visit.edge.cache);
    // The client's own conditions are for the answer that comes of it.
    for name in [IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_RANGE, RANGE] {
        request.headers_mut().remove(name);
    }
    request.headers_mut().extend(validators);
    let mut answered = visit.send(request).await?;
    if answered.response.status() != StatusCode::NOT_MODIFIED {
        let recording = cache.record(asked.question, rules, &answered.response, asked.flight);
        return Ok(marked(answered.into_answer(recording), "MISS"));
    }
    answered.clean();
    let Asked { question, flight } = asked;
    let fresh = match kept.freshened(rules, &answered.response) {
        Some(fresh) => {
            cache.keep(&question.place, fresh.clone());
            flight.succeed();
            fresh
        }
        None => {
            cache.forget(&question.place);
            flight.refuse();
            kept.clone()
        }
    };
    Ok(fresh.answer(&Method::GET, &question.headers).map(Either::Right))
}

fn give(kept: &Kept, request: &Request<Incoming>) -> Answer {
    kept.answer(request.method(), request.headers())
        .map(Either::Right)
}

fn marked<B>(mut answer: Response<B>, how: &'static str) -> Response<B> {
    answer
        .headers_mut()
        .insert("x-platform-cache", HeaderValue::from_static(how));
    answer
}

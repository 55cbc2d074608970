//! One request: find its environment, wait if it is held, hand it on, bring back the answer.

use crate::{
    edge::Edge,
    gate::{Refusal, UnderWay},
    headers::{self, Origin},
    index::{Index, Target, host_name},
    page::{self, Page},
    pool::{Outgoing, UpstreamError},
    streamed::Streamed,
    tunnel,
};
use bytes::Bytes;
use guise_api::edge::{Action, Route, Scheme};
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
    header::{CONNECTION, TRANSFER_ENCODING},
    uri::PathAndQuery,
};
use http_body_util::{Either, Empty, Full};
use hyper::body::{Body, Incoming};
use std::{net::SocketAddrV4, sync::Arc};
use tokio::time::Instant;

/// What a client gets: a container's answer as it comes, or a page of the edge.
pub type Answer = Response<Either<Streamed, Full<Bytes>>>;

/// Answers one request.
pub async fn answer(edge: Arc<Edge>, origin: Arc<Origin>, request: Request<Incoming>) -> Answer {
    // Bytes that another proxy would take for a second request must not be looked at: RFC 9112, 6.1 wants the
    // connection closed after a request with both a length and a transfer coding, and hyper hides whether it had both.
    let unsure = request.headers().contains_key(TRANSFER_ENCODING) || request.version() == Version::HTTP_10;
    let is_http1 = request.version() < Version::HTTP_2;
    let mut answer = route(&edge, &origin, request).await;
    let is_upgraded = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
    if unsure || (is_http1 && !is_upgraded && edge.is_leaving()) {
        answer
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

async fn route(edge: &Arc<Edge>, origin: &Origin, request: Request<Incoming>) -> Answer {
    let arrived = Instant::now();
    let authority = headers::authority(&request);
    let host = authority.as_ref().and_then(|name| host_name(name.to_str().ok()?));
    let (Some(authority), Some(host)) = (authority, host) else {
        return page(Page::BadRequest, "", request.headers());
    };
    if request.method() == Method::CONNECT || !headers::is_framed_plainly(request.headers()) {
        return page(Page::BadRequest, &host, request.headers());
    }
    let secured = edge.secrets.find(&host);
    if !origin.fulfils(secured.as_ref().map(|secured| &secured.terms)) {
        return page(Page::Misdirected, &host, request.headers());
    }
    let path = request.uri().path();
    let (route, under_way) = match admit(edge, origin.scheme(), &host, path, arrived).await {
        Ok(admitted) => admitted,
        Err(refusal) => return page(refusal, &host, request.headers()),
    };
    match &route.action {
        Action::Redirect { to } => redirect(to, &route.path, request.uri()),
        Action::Upstream { address } => {
            let accept = request.headers().clone();
            let asked = Asked {
                authority,
                original_url: &route.original_url,
                restrict_robots: route.restrict_robots,
                origin,
            };
            forward(edge, *address, asked, request, under_way)
                .await
                .unwrap_or_else(|error| {
                    tracing::warn!("{host}: {error}");
                    page(page_for(&error), &host, &accept)
                })
        }
    }
}

/// Waits at the gate. A request that has waited goes by the routes as they are afterwards.
async fn admit(
    edge: &Edge,
    scheme: Scheme,
    host: &str,
    path: &str,
    arrived: Instant,
) -> Result<(Route, UnderWay), Page> {
    loop {
        let index = edge.table.index();
        let Target { route, gate } = index.find(scheme, host, path).ok_or(Page::NotFound)?;
        match gate.enter() {
            Some(under_way) if is_current(edge, &index) => return Ok((route.clone(), under_way)),
            // The table changed between looking and entering: look again.
            Some(_) => {}
            None => {
                if gate.knock() {
                    edge.visitors.ring();
                }
                let watched = edge.visitors.is_watched();
                gate.changed(arrived, watched).await.map_err(page_of)?;
            }
        }
    }
}

fn page_of(refusal: Refusal) -> Page {
    match refusal {
        Refusal::HeldTooLong => Page::Deploying,
        Refusal::NobodyWakes => Page::Sleeping,
        Refusal::WakeFailed => Page::WakeFailed,
    }
}

fn is_current(edge: &Edge, index: &Arc<Index>) -> bool {
    Arc::ptr_eq(index, &edge.table.index())
}

/// What the client asked for, as the container is told.
struct Asked<'a> {
    authority: HeaderValue,
    original_url: &'a str,
    restrict_robots: bool,
    origin: &'a Origin,
}

async fn forward(
    edge: &Arc<Edge>,
    address: SocketAddrV4,
    asked: Asked<'_>,
    mut request: Request<Incoming>,
    under_way: UnderWay,
) -> Result<Answer, UpstreamError> {
    let client = tunnel::is_wanted(request.headers()).then(|| hyper::upgrade::on(&mut request));
    let restrict_robots = asked.restrict_robots;
    let mut outgoing = outgoing(asked, request);
    let (mut response, lease) = match client {
        // A connection that becomes a tunnel is not one to take from the pool, nor to go back to it.
        Some(_) => {
            tunnel::ask_for(outgoing.headers_mut());
            edge.pool.send_anew(address, outgoing).await?
        }
        None => edge.pool.send(address, outgoing).await?,
    };
    let agreed = tunnel::is_agreed(&response);
    headers::towards_client(response.headers_mut(), restrict_robots);
    if let (Some(client), true) = (client, agreed) {
        let open = under_way.gate().tunnel();
        tunnel::join(client, hyper::upgrade::on(&mut response), open);
        tunnel::ask_for(response.headers_mut());
        // A WebSocket may last for hours: no deployment waits for it.
        return Ok(response.map(|_| Either::Right(Full::default())));
    }
    Ok(response.map(|body| Either::Left(Streamed::new(body, lease, under_way))))
}

/// The request line and headers are made anew; only the method, the target and the body are the client's.
fn outgoing(asked: Asked<'_>, request: Request<Incoming>) -> Request<Outgoing> {
    let (mut parts, body) = request.into_parts();
    headers::towards_container(
        &mut parts.headers,
        asked.authority,
        asked.original_url,
        asked.origin,
    );
    let body = if body.is_end_stream() {
        Either::Right(Empty::new())
    } else {
        Either::Left(body)
    };
    let mut outgoing = Request::new(body);
    *outgoing.method_mut() = parts.method;
    *outgoing.uri_mut() = Uri::from(target(&parts.uri));
    *outgoing.headers_mut() = parts.headers;
    outgoing
}

/// Path and query, without scheme and host of an absolute target.
fn target(uri: &Uri) -> PathAndQuery {
    uri.path_and_query()
        .cloned()
        .unwrap_or_else(|| PathAndQuery::from_static("/"))
}

/// What follows the route's own path is asked of the other place.
fn redirect(to: &str, route: &str, uri: &Uri) -> Answer {
    let target = target(uri);
    let rest = target
        .as_str()
        .strip_prefix(route.trim_end_matches('/'))
        .unwrap_or_default();
    page::redirect(&format!("{to}{rest}")).map(Either::Right)
}

fn page(page: Page, host: &str, accept: &HeaderMap) -> Answer {
    page.response(host, accept).map(Either::Right)
}

fn page_for(error: &UpstreamError) -> Page {
    match error {
        UpstreamError::Connect { .. }
        | UpstreamError::ConnectTooSlow { .. }
        | UpstreamError::Answer { .. } => Page::Unreachable,
        UpstreamError::AnswerTooSlow { .. } => Page::TooSlow,
    }
}

//! One request: find its environment, wait if it is held, hand it on, bring back the answer.

use crate::{
    cache::Recording,
    cached,
    edge::Edge,
    gate::{Refusal, UnderWay},
    headers::{self, Origin},
    index::{Index, Target, host_name},
    outside::{Outside, OutsideError},
    page::{self, Page},
    pool::{Lease, Outgoing, UpstreamError},
    streamed::Streamed,
    tunnel,
};
use bytes::Bytes;
use guise_api::edge::{Action, Route, Scheme};
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
    header::{ACCEPT, AUTHORIZATION, CONNECTION, STRICT_TRANSPORT_SECURITY, TRANSFER_ENCODING},
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

async fn route(edge: &Arc<Edge>, origin: &Origin, mut request: Request<Incoming>) -> Answer {
    let arrived = Instant::now();
    let authority = headers::authority(&request);
    let host = authority.as_ref().and_then(|name| host_name(name.to_str().ok()?));
    let (Some(authority), Some(host)) = (authority, host) else {
        return page(Page::BadRequest, "", request.headers());
    };
    if request.method() == Method::CONNECT || !headers::is_framed_plainly(request.headers()) {
        return page(Page::BadRequest, &host, request.headers());
    }
    // Before anything else: where a host leads, and whether it may be seen, is not the authority's concern.
    if origin.scheme() == Scheme::Http
        && let Some(proof) = edge.proofs.answer(&host, request.uri().path())
    {
        return proof.map(Either::Right);
    }
    let secured = edge.secrets.find(&host);
    if !origin.fulfils(secured.as_ref().map(|secured| &secured.terms)) {
        return page(Page::Misdirected, &host, request.headers());
    }
    let (target, under_way) = match admit(edge, origin, &host, &request, arrived).await {
        Ok(admitted) => admitted,
        Err(refusal) => return page(refusal, &host, request.headers()),
    };
    if target.guard.reads_logins() {
        request.headers_mut().remove(AUTHORIZATION);
    }
    let route = &target.route;
    let mut answer = match target.redirects.find(request.uri()) {
        Some(sent) => page::sent(&sent, origin.scheme(), &authority).map(Either::Right),
        None => follow(edge, origin, &target, authority, &host, request, under_way).await,
    };
    if let (Some(value), Scheme::Https) = (&route.strict_transport_security, origin.scheme())
        && let Ok(value) = HeaderValue::from_str(value)
    {
        answer.headers_mut().insert(STRICT_TRANSPORT_SECURITY, value);
    }
    answer
}

/// Does with a request what its route says.
async fn follow(
    edge: &Arc<Edge>,
    origin: &Origin,
    target: &Target,
    authority: HeaderValue,
    host: &str,
    request: Request<Incoming>,
    under_way: UnderWay,
) -> Answer {
    let route = &target.route;
    match &route.action {
        Action::Redirect { to } => redirect(to, &route.path, request.uri()),
        Action::Proxy { to } => {
            let accept = accept(&request);
            let answer = ask_outside(edge, origin, to, route, request, under_way).await;
            answer.unwrap_or_else(|error| {
                tracing::warn!("{host}: {error}");
                page(Page::OutsideUnreachable, host, &accept)
            })
        }
        Action::Upstream { address, .. } => {
            let accept = accept(&request);
            let visit = Visit {
                edge,
                address: *address,
                authority,
                original_url: &route.original_url,
                restrict_robots: route.restrict_robots,
                origin,
                under_way,
            };
            let answer = match &target.rules {
                Some(rules) => cached::answer(visit, rules, target, request).await,
                None => visit.ask(request).await,
            };
            answer.unwrap_or_else(|error| {
                tracing::warn!("{host}: {error}");
                page(page_for(&error), host, &accept)
            })
        }
    }
}

/// What of a request is needed for a page, once the rest has gone on.
fn accept(request: &Request<Incoming>) -> HeaderMap {
    let accept = request.headers().get(ACCEPT).cloned();
    accept.into_iter().map(|value| (ACCEPT, value)).collect()
}

/// Asks a site outside of the project.
async fn ask_outside(
    edge: &Edge,
    origin: &Origin,
    to: &str,
    route: &Route,
    request: Request<Incoming>,
    under_way: UnderWay,
) -> Result<Answer, OutsideError> {
    let outside = Outside::of(to, &route.path, request.uri())?;
    let authority = outside.authority.clone();
    let mut outgoing = outgoing(request, authority, &route.original_url, origin);
    *outgoing.uri_mut() = Uri::from(outside.target.clone());
    let mut response = outside.send(outgoing, &edge.inner).await?;
    headers::towards_client(response.headers_mut(), route.restrict_robots);
    Ok(response.map(|body| Either::Left(Streamed::new(body, None, under_way))))
}

/// The request line and headers are made anew; only the method, the target and the body are the client's.
fn outgoing(
    request: Request<Incoming>,
    authority: HeaderValue,
    original_url: &str,
    origin: &Origin,
) -> Request<Outgoing> {
    let (mut parts, body) = request.into_parts();
    headers::towards_container(&mut parts.headers, authority, original_url, origin);
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

/// Waits at the gate. A request that has waited goes by the routes as they are afterwards.
async fn admit(
    edge: &Edge,
    origin: &Origin,
    host: &str,
    request: &Request<Incoming>,
    arrived: Instant,
) -> Result<(Arc<Target>, UnderWay), Page> {
    let (scheme, path) = (origin.scheme(), request.uri().path());
    loop {
        let index = edge.table.index();
        let target = index.find(scheme, host, path).ok_or(Page::NotFound)?;
        // A redirect shows nothing, and a password is not asked for by plain HTTP where https follows. Whoever may not come
        // in wakes nobody, either.
        if !matches!(target.route.action, Action::Redirect { .. }) {
            target.guard.admit(origin.client(), request.headers()).await?;
        }
        let gate = &target.gate;
        match gate.enter() {
            Some(under_way) if is_current(edge, &index) => return Ok((Arc::clone(target), under_way)),
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

/// A request that was let in, as the container is told of it.
pub struct Visit<'a> {
    /// The edge.
    pub edge: &'a Arc<Edge>,
    /// The container.
    pub address: SocketAddrV4,
    /// Host and port as the client wrote them.
    pub authority: HeaderValue,
    /// Who asks.
    pub origin: &'a Origin,
    /// The route as it was written.
    pub original_url: &'a str,
    /// Whether search engines shall stay away.
    pub restrict_robots: bool,
    /// Until the answer has ended.
    pub under_way: UnderWay,
}

/// A container's answer, its headers as they came.
pub struct Answered {
    /// The answer.
    pub response: Response<Incoming>,
    lease: Lease,
    under_way: UnderWay,
    restrict_robots: bool,
}

impl Visit<'_> {
    /// Asks the container.
    pub async fn ask(self, mut request: Request<Incoming>) -> Result<Answer, UpstreamError> {
        if !tunnel::is_wanted(request.headers()) {
            return Ok(self.send(request).await?.into_answer(None));
        }
        let client = hyper::upgrade::on(&mut request);
        let mut outgoing = self.outgoing(request);
        tunnel::ask_for(outgoing.headers_mut());
        // A connection that becomes a tunnel is not one to take from the pool, nor to go back to it.
        let (response, lease) = self.edge.pool.send_anew(self.address, outgoing).await?;
        let mut answered = self.answered(response, lease);
        if !tunnel::is_agreed(&answered.response) {
            return Ok(answered.into_answer(None));
        }
        answered.clean();
        let Answered {
            mut response,
            under_way,
            ..
        } = answered;
        tunnel::join(
            client,
            hyper::upgrade::on(&mut response),
            under_way.gate().tunnel(),
        );
        tunnel::ask_for(response.headers_mut());
        // A WebSocket may last for hours: no deployment waits for it.
        Ok(response.map(|_| Either::Right(Full::default())))
    }

    /// Asks the container over a connection that may have served others.
    pub async fn send(self, request: Request<Incoming>) -> Result<Answered, UpstreamError> {
        let outgoing = self.outgoing(request);
        let (response, lease) = self.edge.pool.send(self.address, outgoing).await?;
        Ok(self.answered(response, lease))
    }

    fn answered(self, response: Response<Incoming>, lease: Lease) -> Answered {
        Answered {
            response,
            lease,
            under_way: self.under_way,
            restrict_robots: self.restrict_robots,
        }
    }

    fn outgoing(&self, request: Request<Incoming>) -> Request<Outgoing> {
        outgoing(request, self.authority.clone(), self.original_url, self.origin)
    }
}

impl Answered {
    /// Makes its headers those that a client gets.
    pub fn clean(&mut self) {
        headers::towards_client(self.response.headers_mut(), self.restrict_robots);
    }

    /// What the client gets, and others as well if it is recorded.
    pub fn into_answer(mut self, recording: Option<Recording>) -> Answer {
        self.clean();
        let headers = self.response.headers();
        let recording = recording.map(|recording| recording.with_headers(headers));
        let Self {
            response,
            lease,
            under_way,
            ..
        } = self;
        response.map(|body| Either::Left(Streamed::new(body, Some(lease), under_way).recorded(recording)))
    }
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

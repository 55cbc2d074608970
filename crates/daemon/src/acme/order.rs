//! One order: the authority looks at the host where the edge shows a proof, and then signs.

use crate::edge::EdgeClient;
use anyhow::{Context, Result, bail};
use guise_api::edge::{Proof, Shown};
use instant_acme::{
    Account, AuthorizationStatus, ChallengeHandle, ChallengeType, Identifier, NewOrder, Order, OrderStatus,
    RetryPolicy,
};
use std::{sync::Arc, time::Duration};

/// How long an authority may take to look, and to sign.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(90));
/// Over plain HTTP first: a proxy in front of the edge passes that on, but ends TLS itself.
const WAYS: [ChallengeType; 2] = [ChallengeType::Http01, ChallengeType::TlsAlpn01];

/// A certificate for `host`: the chain and its key, as PEM.
///
/// # Errors
/// What the authority said, in each of the ways it was asked.
pub async fn certificate(account: &Account, edge: &Arc<EdgeClient>, host: &str) -> Result<(String, String)> {
    let mut refusals = Vec::new();
    for way in WAYS {
        let ordered = proven(account, edge, host, &way).await;
        // Nobody needs to see it any more, however it went.
        show(edge, Vec::new()).await?;
        match ordered {
            Ok(order) => return sign(order).await,
            Err(error) => refusals.push(format!("by {}: {error:#}", name(&way))),
        }
    }
    bail!(
        "the authority does not accept that {host} leads here: its name must lead to this machine, and ports 80 and 443 to the edge. {}",
        refusals.join(". ")
    )
}

/// An order whose host is proven.
async fn proven(account: &Account, edge: &Arc<EdgeClient>, host: &str, way: &ChallengeType) -> Result<Order> {
    let names = [Identifier::Dns(host.into())];
    let mut order = account.new_order(&NewOrder::new(&names)).await?;
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let mut challenge = authorization
            .challenge(way.clone())
            .context("the authority does not offer it")?;
        show(edge, vec![proof(host, &challenge)?]).await?;
        challenge.set_ready().await?;
    }
    match order.poll_ready(&PATIENCE).await? {
        OrderStatus::Ready => Ok(order),
        _ => bail!("{}", refusal(&mut order).await?),
    }
}

fn proof(host: &str, challenge: &ChallengeHandle<'_>) -> Result<Proof> {
    let authorization = challenge.key_authorization();
    let shown = if challenge.r#type == ChallengeType::TlsAlpn01 {
        let (chain, key) = guise_certificate::proof(host, authorization.digest().as_ref())?;
        Shown::Tls { chain, key }
    } else {
        Shown::Http {
            token: challenge.token.clone(),
            text: authorization.as_str().into(),
        }
    };
    Ok(Proof {
        host: host.into(),
        shown,
    })
}

/// What the authority says of an order that it refuses.
async fn refusal(order: &mut Order) -> Result<String> {
    let mut reasons = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        let state = authorization.refresh().await?;
        let errors = state
            .challenges
            .iter()
            .filter_map(|challenge| challenge.error.as_ref());
        reasons.extend(errors.map(|problem| match &problem.detail {
            Some(detail) => detail.clone(),
            None => problem.to_string(),
        }));
    }
    if reasons.is_empty() {
        reasons.push("it gave no reason".into());
    }
    Ok(reasons.join("; "))
}

async fn sign(mut order: Order) -> Result<(String, String)> {
    let key = order.finalize().await.context("asking for the signature")?;
    let chain = order.poll_certificate(&PATIENCE).await;
    Ok((chain.context("waiting for the signature")?, key))
}

async fn show(edge: &Arc<EdgeClient>, proofs: Vec<Proof>) -> Result<()> {
    let edge = Arc::clone(edge);
    Ok(tokio::task::spawn_blocking(move || edge.prove(proofs)).await??)
}

fn name(way: &ChallengeType) -> &'static str {
    match way {
        ChallengeType::TlsAlpn01 => "tls-alpn-01",
        _ => "http-01",
    }
}

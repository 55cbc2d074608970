//! What stands before the apps: redirects, who may come in, https, and an edge that is replaced while visitors come.

use crate::{echo_site::write_echo_site, load::under_load};
use anyhow::{Context, Result, ensure};
use journeys::{Guise, Repository, http};
use std::{fs, net::TcpListener, process::Command, thread::sleep, time::Duration};

const ROUTES: &str = ".platform/routes.yaml";
const WRITTEN: &str = r#"
'https://{default}/':
  type: upstream
  upstream: app:http
  redirects:
    paths:
      /old: {to: /new, code: 301}
      ^/user/(\d+)$: {to: 'https://people.example/$1', regexp: true}
  tls:
    strict_transport_security: {enabled: true}
'https://www.{default}/': {type: redirect, to: 'https://{default}/'}
"#;
/// An edge is replaced so many times, as quickly as it can be.
const REPLACED: usize = 5;
const PAUSE: Duration = Duration::from_millis(500);

/// A visitor's `ann:sesame`.
const LOGIN: (&str, &str) = ("Authorization", "Basic YW5uOnNlc2FtZQ==");

pub fn opens_and_closes(guise: &Guise) -> Result<()> {
    let repository = Repository::create(&guise.directory().join("front-door"))?;
    write_echo_site(&repository)?;
    repository.write(ROUTES, WRITTEN)?;
    repository.commit("Begin")?;
    let site = Site { guise, repository };
    site.said(&["up"])?;
    site.paths_lead_elsewhere()?;
    site.only_known_visitors_come_in()?;
    site.the_edge_is_replaced_under_load()
}

/// The daemon is started again with an address for TLS, and afterwards without.
pub fn speaks_tls(guise: &Guise) -> Result<()> {
    let repository = Repository::create(&guise.directory().join("tls"))?;
    write_echo_site(&repository)?;
    repository.write(ROUTES, WRITTEN)?;
    repository.commit("Begin")?;
    let settings = Settings::with_tls(guise)?;
    let site = Site { guise, repository };
    site.said(&["up"])?;
    site.https_is_served()?;
    settings.restore()
}

struct Site<'a> {
    guise: &'a Guise,
    repository: Repository,
}

impl Site<'_> {
    fn said(&self, arguments: &[&str]) -> Result<String> {
        self.guise.run(self.repository.root(), arguments)?.ok()
    }

    fn url(&self) -> Result<String> {
        self.guise.url(self.repository.root())
    }

    fn paths_lead_elsewhere(&self) -> Result<()> {
        let url = self.url()?;
        let base = url.trim_end_matches('/');
        for (path, status, to) in [
            ("/old/a?b=c", 301, format!("{base}/new/a?b=c")),
            ("/user/7", 302, "https://people.example/7".to_owned()),
        ] {
            let answer = http::get(&format!("{base}{path}"))?;
            let found = (answer.status, answer.header("location"));
            ensure!(found == (status, Some(to.as_str())), "{path} leads to {found:?}");
        }
        Ok(())
    }

    fn only_known_visitors_come_in(&self) -> Result<()> {
        let url = self.url()?;
        self.said(&["environment:http-access", "--auth", "ann:sesame"])?;
        ensure!(http::get(&url)?.status == 401, "a stranger comes in");
        ensure!(visit(&url, &[LOGIN])?.status == 200, "a user does not come in");
        self.said(&["environment", "branch", "closed", "main"])?;
        let child = self.said(&["-e", "closed", "url", "--primary"])?;
        ensure!(http::get(child.trim())?.status == 401, "a branch is open");
        let shown = self.said(&["-e", "closed", "environment:http-access"])?;
        ensure!(shown.contains("ann") && !shown.contains("sesame"), "{shown}");
        self.said(&[
            "environment:http-access",
            "--auth",
            "0",
            "--access",
            "deny:127.0.0.1",
        ])?;
        ensure!(
            visit(&url, &[LOGIN])?.status == 403,
            "an address that is denied comes in"
        );
        self.said(&["environment:http-access", "--access", "0"])?;
        ensure!(http::get(&url)?.status == 200, "an open site is closed");
        self.said(&["environment", "delete", "closed", "--yes"]).map(drop)
    }

    fn the_edge_is_replaced_under_load(&self) -> Result<()> {
        let before = self.edge()?;
        let (seen, took) = under_load(&self.url()?, || {
            for _ in 0..REPLACED {
                self.said(&["edge", "restart"])?;
                sleep(PAUSE);
            }
            // Nobody needs the daemon for that.
            self.guise.kill_daemon()?;
            sleep(PAUSE);
            self.guise.start()
        })?;
        println!(
            "    {REPLACED} new edges and a new daemon in {:.1} s: {} requests, none failed, longest {} ms",
            took.as_secs_f64(),
            seen.answered,
            seen.longest.as_millis()
        );
        ensure!(self.edge()? != before, "the edge is the same");
        Ok(())
    }

    fn edge(&self) -> Result<u64> {
        self.guise.status()?["edge_pid"]
            .as_u64()
            .context("no edge answers")
    }

    fn https_is_served(&self) -> Result<()> {
        let url = self.url()?;
        ensure!(url.starts_with("https://"), "the site's URL is {url}");
        let page = self.curl(&url)?;
        ensure!(page.contains("page 0"), "{page}");
        let head = page.to_ascii_lowercase();
        ensure!(
            head.starts_with("http/2 200") && head.contains("strict-transport-security: max-age=31536000"),
            "{page}"
        );
        let plain = self.said(&["route:list", "--format", "json"])?;
        let plain: Vec<serde_json::Value> = serde_json::from_str(&plain)?;
        let urls = plain.iter().filter_map(|route| route["url"].as_str());
        let twin = urls
            .filter(|url| url.starts_with("http://"))
            .find(|url| !url.contains("//www."));
        let answer = http::get(twin.context("there is no http route")?)?;
        ensure!(
            answer.status == 301 && answer.header("location") == Some(url.as_str()),
            "http leads to {:?}",
            answer.header("location")
        );
        let routes = self.said(&["exec", "--", "sh", "-c", "echo $PLATFORM_ROUTES | base64 -d"])?;
        ensure!(routes.contains(&format!("\"{url}\"")), "{routes}");
        Ok(())
    }

    /// Head and body, by one who trusts the local authority only.
    fn curl(&self, url: &str) -> Result<String> {
        let authority = self.guise.directory().join("authority.crt");
        fs::write(&authority, self.said(&["tls", "authority"])?)?;
        let host_and_port = url.trim_start_matches("https://").trim_end_matches('/');
        let (host, port) = host_and_port.split_once(':').context("no port")?;
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--include", "--cacert"])
            .arg(&authority)
            .args(["--resolve", &format!("{host}:{port}:127.0.0.1"), url])
            .output()
            .context("cannot run curl")?;
        ensure!(
            output.status.success(),
            "curl: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    }
}

fn visit(url: &str, headers: &[(&str, &str)]) -> Result<http::Response> {
    let (authority, path) = http::parts(url)?;
    let mut connection = http::Connection::open(authority)?;
    connection.send("GET", path, headers, None)?;
    connection.answer()
}

/// The daemon's settings, restored in any case: the journeys after this one speak plain HTTP.
struct Settings<'a> {
    guise: &'a Guise,
    former: String,
    restored: bool,
}

impl<'a> Settings<'a> {
    fn with_tls(guise: &'a Guise) -> Result<Self> {
        let former = fs::read_to_string(guise.state().join("config.toml"))?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let settings = Self {
            guise,
            former,
            restored: false,
        };
        settings.set(&format!(
            "edge_listen_tls = \"127.0.0.1:{port}\"\n{}",
            settings.former
        ))?;
        Ok(settings)
    }

    fn restore(mut self) -> Result<()> {
        self.restored = true;
        self.set(&self.former)
    }

    fn set(&self, text: &str) -> Result<()> {
        self.guise
            .run(self.guise.directory(), &["daemon", "stop"])?
            .ok()?;
        fs::write(self.guise.state().join("config.toml"), text)?;
        self.guise.start()
    }
}

impl Drop for Settings<'_> {
    fn drop(&mut self) {
        if !self.restored
            && let Err(error) = self.set(&self.former)
        {
            println!("    the settings are not restored: {error:#}");
        }
    }
}

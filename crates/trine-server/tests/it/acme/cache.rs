//! The cache of accounts and certificates, which a restarted server reads.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use trine_server::tls::{AcmeCache, CacheFuture, Tls};
use trine_server::{Acme, Listener};
use trine_testkit::log::Log;

use super::authority::Test;
use super::site::{ANYWHERE, Site};

#[tokio::test]
async fn a_second_start_orders_nothing() {
    let mut authority = Test::start();
    let site = Site::start(&authority, authority.acme(&["example.com"]));
    let first = site.next(&authority, "example.com", b"").await;
    site.stop().await;
    let site = Site::start(&authority, authority.acme(&["example.com"]));
    // The certificate is used from the first handshake on.
    assert_eq!(site.certificate(&authority, "example.com").await.unwrap(), first);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!((authority.count("account"), authority.count("order")), (1, 1));
    site.stop().await;
    // The server starts even if the authority cannot be reached.
    authority.close().await;
    let acme = authority.acme(&["example.com"]);
    let site = Site::start(&authority, acme);
    assert_eq!(site.certificate(&authority, "example.com").await.unwrap(), first);
    site.stop().await;
    authority.stop().await;
}

#[tokio::test]
async fn other_names_get_another_certificate_of_the_same_account() {
    let authority = Test::start();
    let site = Site::start(&authority, authority.acme(&["example.com"]));
    site.next(&authority, "example.com", b"").await;
    site.stop().await;
    let site = Site::start(&authority, authority.acme(&["example.com", "www.example.com"]));
    site.next(&authority, "www.example.com", b"").await;
    assert_eq!((authority.count("account"), authority.count("order")), (1, 2));
    site.stop().await;
    authority.stop().await;
}

#[tokio::test]
async fn a_broken_file_is_reported_by_name_and_the_certificate_ordered_again() {
    let authority = Test::start();
    let cache = authority.folder.path().join("cache");
    let site = Site::start(&authority, authority.acme(&["example.com"]));
    let first = site.next(&authority, "example.com", b"").await;
    site.stop().await;
    let files = kept(&cache, 2).await;
    for file in &files {
        std::fs::write(file, "broken").unwrap();
    }
    let log = Log::start();
    let site = Site::start(&authority, authority.acme(&["example.com"]));
    site.next(&authority, "example.com", &first).await;
    for file in &files {
        let name = file.display().to_string();
        assert!(log.text().contains(&name), "{name} is not in\n{}", log.text());
    }
    assert_eq!((authority.count("account"), authority.count("order")), (2, 2));
    site.stop().await;
    authority.stop().await;
}

/// Returns the files of a cache once there are `count` of them. A certificate is used before it is
/// stored, and a file that is being written has a name that begins with a dot.
async fn kept(cache: &Path, count: usize) -> Vec<PathBuf> {
    for _ in 0..1000 {
        let files: Vec<_> =
            std::fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path()).collect();
        let hidden = |file: &PathBuf| file.file_name().unwrap().to_string_lossy().starts_with('.');
        if files.len() == count && !files.iter().any(hidden) {
            return files;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} does not contain {count} files", cache.display());
}

#[tokio::test]
async fn nothing_is_ordered_while_the_cache_cannot_be_used() {
    let authority = Test::start();
    let file = authority.folder.path().join("file");
    std::fs::write(&file, "not a folder").unwrap();
    let log = Log::start();
    let site = Site::start(&authority, authority.acme(&["example.com"]).cache(&file));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(authority.count("order"), 0);
    assert!(log.text().contains(&file.display().to_string()), "{}", log.text());
    site.stop().await;
    authority.stop().await;
}

/// A cache on a disk that is full.
struct Full;

impl AcmeCache for Full {
    fn load<'a>(&'a self, _: &'a str) -> CacheFuture<'a, Option<Vec<u8>>> {
        Box::pin(async { Ok(None) })
    }

    fn store<'a>(&'a self, _: &'a str, _: Vec<u8>) -> CacheFuture<'a, ()> {
        Box::pin(async { Err(std::io::ErrorKind::StorageFull.into()) })
    }
}

#[tokio::test]
async fn nothing_is_ordered_that_the_cache_cannot_store() {
    let authority = Test::start();
    let log = Log::start();
    let tls = Tls::acme(authority.acme(&["example.com"])).acme_cache(Arc::new(Full));
    let site = Site::with(&authority, tls, Listener::tcp(ANYWHERE.into()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((authority.count("account"), authority.count("order")), (1, 0));
    assert!(log.text().contains("account.json in the cache cannot be written"), "{}", log.text());
    site.stop().await;
    authority.stop().await;
}

#[derive(Default)]
struct Memory(Mutex<HashMap<String, Vec<u8>>>);

impl AcmeCache for Memory {
    fn load<'a>(&'a self, name: &'a str) -> CacheFuture<'a, Option<Vec<u8>>> {
        Box::pin(async move { Ok(self.0.lock().unwrap().get(name).cloned()) })
    }

    fn store<'a>(&'a self, name: &'a str, value: Vec<u8>) -> CacheFuture<'a, ()> {
        Box::pin(async move {
            self.0.lock().unwrap().insert(name.to_owned(), value);
            Ok(())
        })
    }
}

#[tokio::test]
async fn several_instances_share_a_custom_cache() {
    let authority = Test::start();
    let shared = Arc::new(Memory::default());
    let acme = Acme { cache: None, ..authority.acme(&["example.com"]) };
    let tls = || Tls::acme(acme.clone()).acme_cache(Arc::clone(&shared));
    let one = Site::with(&authority, tls(), Listener::tcp(ANYWHERE.into()));
    let first = one.next(&authority, "example.com", b"").await;
    let two = Site::with(&authority, tls(), Listener::tcp(ANYWHERE.into()));
    assert_eq!(two.certificate(&authority, "example.com").await.unwrap(), first);
    assert_eq!(authority.count("order"), 1);
    one.stop().await;
    two.stop().await;
    authority.stop().await;
}

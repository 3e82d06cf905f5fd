//! Socket activation and notifications of systemd. The test plays the role of systemd.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::load::Kept;
use super::program::within;

/// A process that listens on the socket that it inherits as descriptor 3. It sends notifications to
/// the socket in `NOTIFY_SOCKET`.
struct Service {
    address: String,
    pid: u32,
    told: UnixDatagram,
}

impl Service {
    fn start() -> Service {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let name = format!("trine-test-{}-{}", std::process::id(), address.port());
        let told =
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        told.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let script = r#"exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0""#;
        let mut shell = Command::new("sh")
            .args(["-c", script, env!("CARGO_BIN_EXE_httpbin")])
            .env("NOTIFY_SOCKET", format!("@{name}"))
            .env("TRINE_PORT", address.port().to_string())
            .env("TRINE_WORKERS", "2")
            .stdin(OwnedFd::from(socket))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pid = shell.id();
        std::thread::spawn(move || shell.wait());
        Service { address: address.to_string(), pid, told }
    }

    /// The next notification from the service.
    fn told(&self) -> String {
        let mut text = [0; 1024];
        let length = self.told.recv(&mut text).unwrap();
        String::from_utf8(text[..length].to_vec()).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.pid).unwrap()).unwrap(), signal).unwrap();
    }

    async fn answers(&self) -> String {
        Kept::connect(&self.address).await.unwrap().get("/pid").await.unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ =
            kill_process(Pid::from_raw(i32::try_from(self.pid).unwrap()).unwrap(), Signal::KILL);
    }
}

#[tokio::test]
async fn an_activated_service_restarts_and_tells_its_manager() {
    let mut service = Service::start();
    assert_eq!(service.told(), "READY=1");
    assert_eq!(service.answers().await, service.pid.to_string());

    service.signal(Signal::USR2);
    let reloading = service.told();
    let since = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
    assert!(since.is_some_and(|since| since.parse::<u64>().is_ok()), "{reloading}");
    let ready = service.told();
    let new = ready.strip_prefix("MAINPID=").and_then(|rest| rest.strip_suffix("\nREADY=1"));
    let new = new.unwrap_or_else(|| panic!("{ready}")).parse().unwrap();
    assert_ne!(new, service.pid);
    service.pid = new;
    // The old process may accept connections for a moment longer.
    within(async { while service.answers().await != new.to_string() {} }).await;

    service.signal(Signal::TERM);
    assert_eq!(service.told(), "STOPPING=1");
}

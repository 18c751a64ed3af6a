use std::time::Instant;

use actix_web::test::TestRequest;

use super::*;

fn limits(settings: LimitSettings) -> RequestLimits {
    let trusted = vec![Network::try_from("10.0.0.0/8".to_owned()).unwrap()];
    RequestLimits::new(watch::Sender::new(settings), trusted)
}

const TIGHT: LimitSettings = LimitSettings {
    connections: 1,
    requests: Allowance { per_sec: 1, burst: 2 },
    events: Allowance { per_sec: 1, burst: 10 },
    max_clients: 1_024,
};

fn address(text: &str) -> LimitKey {
    LimitKey::of_address(text.parse().unwrap())
}

#[test]
fn an_address_of_ipv6_stands_for_its_network() {
    assert_eq!(address("2001:db8:1:2::1"), address("2001:db8:1:2:ffff::9"));
    assert_ne!(address("2001:db8:1:2::1"), address("2001:db8:1:3::1"));
    assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
    assert_eq!(address("2001:db8:1:2::1").to_string(), "2001:db8:1:2::/64");
    assert_eq!(LimitKey::Principal("ann".into()).to_string(), "ann");
}

#[test]
fn requests_and_events_have_allowances_of_their_own_and_so_has_each_client() {
    let limits = limits(TIGHT);
    let (ann, ben) = (LimitKey::Principal("ann".into()), address("192.0.2.1"));
    assert_eq!((limits.request(&ann), limits.request(&ann)), (Ok(()), Ok(())));
    let refused = limits.request(&ann).unwrap_err();
    assert!(refused.kind == LimitKind::Requests && (1..=1_001).contains(&refused.wait_ms()), "{refused:?}");
    assert_eq!(limits.events(&ann, 1_000), Ok(()), "more than a burst after a rest");
    let refused = limits.events(&ann, 1).unwrap_err();
    assert!(refused.kind == LimitKind::Events && refused.wait > Duration::from_secs(900), "{refused:?}");
    assert_eq!((limits.request(&ben), limits.events(&ben, 10)), (Ok(()), Ok(())));
    let problem = Problem::from(refused);
    assert!(problem.to_string().starts_with("429 too_many_requests: more events of one client than limits."));
}

#[test]
fn a_change_of_the_settings_holds_at_once_and_zero_turns_off() {
    let settings = watch::Sender::new(TIGHT);
    let limits = RequestLimits::new(settings.clone(), Vec::new());
    let ann = LimitKey::Principal("ann".into());
    assert_eq!((0..10).filter(|_| limits.request(&ann).is_ok()).count(), 2);
    settings.send_replace(LimitSettings { requests: Allowance { per_sec: 0, burst: 1 }, ..TIGHT });
    assert_eq!((0..10).filter(|_| limits.request(&ann).is_ok()).count(), 10);
}

#[test]
fn a_connection_counts_for_its_peer_and_behind_a_trusted_proxy_for_who_watches() {
    let limits = limits(TIGHT);
    let open = |peer: &str| limits.connect(Some(peer.parse().unwrap()));
    let (first, second, other) = (open("192.0.2.1"), open("192.0.2.1"), open("192.0.2.2"));
    assert!(!first.is_too_many && second.is_too_many && !other.is_too_many);
    assert_eq!(limits.watch(&address("192.0.2.1"), &first), Ok(()));
    drop((first, second));
    assert!(!open("192.0.2.1").is_too_many, "it has gone");

    let (one, two) = (open("10.0.0.1"), open("10.0.0.1"));
    assert!(!one.is_too_many && !two.is_too_many, "a proxy has as many as it likes");
    assert_eq!(limits.watch(&address("192.0.2.3"), &one), Ok(()));
    assert_eq!(limits.watch(&address("192.0.2.3"), &two).unwrap_err().kind, LimitKind::Connections);
    assert_eq!(limits.watch(&address("192.0.2.4"), &two), Ok(()));
    one.watching.take();
    assert_eq!(limits.watch(&address("192.0.2.3"), &two), Ok(()));

    let ann = LimitKey::Principal("ann".into());
    assert_eq!(limits.watch(&ann, &other), Ok(()), "a principal counts wherever it comes from");
    assert_eq!(limits.watch(&ann, &one).unwrap_err().kind, LimitKind::Connections);
}

#[test]
fn a_request_counts_for_who_is_known_to_send_it_else_for_its_address() {
    let limits = limits(TIGHT);
    let request = |peer: &str| {
        let request = TestRequest::default().append_header(("x-forwarded-for", "198.51.100.7"));
        request.peer_addr(format!("{peer}:1").parse().unwrap()).to_http_request()
    };
    assert_eq!(limits.key(&request("192.0.2.1")), address("192.0.2.1"));
    let proxied = request("10.0.0.1");
    assert_eq!(limits.key(&proxied), address("198.51.100.7"));
    proxied.extensions_mut().insert(LimitKey::Principal("ann".into()));
    assert_eq!(limits.key(&proxied), LimitKey::Principal("ann".into()));
}

#[test]
fn an_allowed_request_costs_little() {
    let limits = limits(LimitSettings { requests: Allowance { per_sec: 1_000_000_000, burst: 1 << 40 }, ..TIGHT });
    let keys: Vec<LimitKey> = (0..500).map(|n: u32| LimitKey::of_address(IpAddr::from(n.to_be_bytes()))).collect();
    let begun = Instant::now();
    for _ in 0..200 {
        for key in &keys {
            assert_eq!(limits.request(key), Ok(()));
        }
    }
    // In an optimised build it is a fifth of a microsecond; without optimisation and beside other work far more.
    let each = begun.elapsed() / 100_000;
    assert!(each < Duration::from_micros(100), "{each:?}");
}

//! Which addresses messages are sent to. A registered URL must not lead into the network behind
//! this server, whatever its name resolves to. Must not know what is sent.

use super::Reach;
use hyper::Uri;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Why nothing is sent to a URL, as far as its text says.
#[must_use]
pub fn objection(url: &str, reach: Reach) -> Option<String> {
    let Ok(uri) = url.parse::<Uri>() else {
        return Some("the URL cannot be read".to_owned());
    };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Some("the URL is not absolute".to_owned());
    };
    if authority.as_str().contains('@') {
        return Some("the URL has a user name".to_owned());
    }
    if authority.host().is_empty() {
        return Some("the URL has no host".to_owned());
    }
    let open = reach == Reach::Anywhere;
    match scheme {
        "https" => {}
        "http" if open => {}
        _ => return Some("messages are sent by https only".to_owned()),
    }
    match literal(authority.host()) {
        Some(address) if !open && !is_public(address) => Some(not_public()),
        _ => None,
    }
}

/// An address that stands in a URL in place of a name.
fn literal(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

fn not_public() -> String {
    "the address is not public".to_owned()
}

/// The addresses of a name that may be connected to; an error where any of them is not public: a
/// name that leads inside and outside is not trusted.
pub(super) fn admitted(found: Vec<SocketAddr>, reach: Reach) -> std::io::Result<Vec<SocketAddr>> {
    let inside = |address: &SocketAddr| !is_public(address.ip());
    if found.is_empty() || reach == Reach::Public && found.iter().any(inside) {
        return Err(std::io::Error::new(
            std::io::ErrorKind::PermissionDenied,
            not_public(),
        ));
    }
    Ok(found)
}

/// Whether an address belongs to the public internet.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Everything that the IANA registry of special IPv4 addresses does not list.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    )
}

/// Global unicast, without what is for documents or holds an IPv4 address.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let global = first & 0xe000 == 0x2000;
    // Teredo, ORCHID and the other assignments of 2001::/23; 6to4; documentation.
    let special = match first {
        0x2001 => second < 0x0200 || second == 0x0db8,
        0x2002 => true,
        0x3fff => second < 0x1000,
        _ => false,
    };
    global && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_reached() {
        let public = [
            "1.1.1.1",
            "93.184.216.34",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
        ];
        for text in public {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
        let special = "0.0.0.0 10.1.2.3 127.0.0.1 127.9.9.9 100.64.0.1 100.127.255.255 169.254.169.254 \
            172.16.0.1 172.31.255.255 192.168.1.1 192.0.0.8 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.9 \
            224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1 ::ffff:1.1.1.1 fe80::1 fc00::1 \
            fd12:3456::1 ff02::1 2001:db8::1 2001::1 2002:7f00:1:: 64:ff9b::7f00:1 ::127.0.0.1 fec0::1";
        for text in special.split_whitespace() {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn a_url_that_leads_inside_is_refused_before_anybody_is_asked() {
        for good in [
            "https://example.org/hook",
            "https://example.org:8443/a?b=c",
            "https://1.1.1.1/",
        ] {
            assert_eq!(objection(good, Reach::Public), None, "{good}");
        }
        let bad = "http://example.org/ https://127.0.0.1/ https://[::1]/ https://[::ffff:10.0.0.1]/ \
            https://10.0.0.1:443/x https://user@example.org/ ftp://example.org/ /relative example.org \
            https://169.254.169.254/latest file:///etc/passwd https://";
        for text in bad.split_whitespace() {
            assert!(objection(text, Reach::Public).is_some(), "{text}");
        }
        assert_eq!(objection("http://127.0.0.1:9/hook", Reach::Anywhere), None);
        assert!(objection("ftp://127.0.0.1/hook", Reach::Anywhere).is_some());
    }

    #[test]
    fn a_name_that_leads_inside_and_outside_is_not_trusted() {
        let address = |text: &str| SocketAddr::new(text.parse().unwrap(), 443);
        let mixed = vec![address("1.1.1.1"), address("10.0.0.1")];
        assert!(admitted(mixed.clone(), Reach::Public).is_err());
        assert!(admitted(mixed, Reach::Anywhere).is_ok());
        assert!(admitted(vec![address("1.1.1.1")], Reach::Public).is_ok());
        assert!(admitted(Vec::new(), Reach::Anywhere).is_err());
    }
}

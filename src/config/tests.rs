//! Every fault at once, what wins over what, and what follows from the settings.

use super::*;

#[test]
fn every_fault_is_found_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("situs.toml");
    std::fs::write(&path, "listne = \"127.0.0.1:1\"\n").unwrap();
    let settings = Settings {
        listen: Some("0.0.0.0:80".to_owned()),
        config: Some(path),
        policies: Some(folder.path().join("none")),
        durable: vec!["tranfer".to_owned()],
        mask: vec!["callers".to_owned()],
        shutdown_grace: Some(100_000),
        limits: LimitSettings { max_in_flight: Some(0), max_connections: None, rate_limit: Some(0) },
        ..Settings::default()
    };
    let ConfigError(faults) = Config::try_from(settings).unwrap_err();
    let named = [
        "config: ",
        "listen: ",
        "durable: ",
        "mask: ",
        "shutdown_grace: ",
        "policies: ",
        "max_in_flight: ",
        "rate_limit: ",
    ];
    assert!(named.iter().all(|name| faults.iter().any(|fault| fault.starts_with(name))), "{faults:?}");
    assert!(faults.iter().any(|fault| fault.contains("did you mean `listen`")));
}

fn checked(settings: SecuritySettings, listen: &str) -> Result<Config, Vec<String>> {
    let settings = Settings { listen: Some(listen.to_owned()), security: settings, ..Settings::default() };
    Config::try_from(settings).map_err(|error| error.0)
}

fn mk_file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.pem");
    std::fs::write(&path, "").unwrap();
    (folder, path)
}

#[test]
fn every_fault_of_security_is_found_at_once() {
    let (_folder, file) = mk_file();
    let faults = checked(
        SecuritySettings {
            tls_cert: Some("none.pem".into()),
            tls_client_auth: Some(ClientAuth::Optional),
            insecure: true,
            jwt_issuer: Some("https://issuer.test#x".to_owned()),
            jwt_jwks: Some("http://issuer.test/keys".to_owned()),
            jwt_clock_skew: Some(301),
            jwt_jwks_ca: Some(file),
            ..SecuritySettings::default()
        },
        "127.0.0.1:0",
    )
    .unwrap_err();
    let named = [
        "tls_cert: there is no file",
        "tls_cert: it needs tls_key",
        "tls_client_auth: ",
        "insecure: ",
        "jwt_issuer: ",
        "jwt_audience: ",
        "jwt_jwks: ",
        "jwt_clock_skew: ",
    ];
    for name in named {
        assert!(faults.iter().any(|fault| fault.starts_with(name)), "{name} in {faults:?}");
    }
    assert_eq!(faults.len(), named.len(), "{faults:?}");
}

#[test]
fn rights_of_a_local_caller_follow_the_listener() {
    let (_folder, file) = mk_file();
    let tls = || SecuritySettings {
        tls_cert: Some(file.clone()),
        tls_key: Some(file.clone()),
        ..SecuritySettings::default()
    };
    let tokens = || SecuritySettings {
        jwt_issuer: Some("https://issuer.test".to_owned()),
        jwt_audience: vec!["situs".to_owned()],
        jwt_jwks: Some(file.display().to_string()),
        ..SecuritySettings::default()
    };
    let insecure = || SecuritySettings { insecure: true, ..SecuritySettings::default() };
    for (settings, listen, is_local, is_insecure) in [
        (SecuritySettings::default(), "127.0.0.1:0", true, false),
        (SecuritySettings::default(), "[::1]:0", true, false),
        (insecure(), "127.0.0.1:0", true, false),
        (insecure(), "0.0.0.0:0", false, true),
        (tls(), "127.0.0.1:0", false, false),
        (tls(), "0.0.0.0:0", false, false),
        (tokens(), "127.0.0.1:0", false, false),
    ] {
        let config = checked(settings.clone(), listen).unwrap();
        assert_eq!((config.is_local(), config.is_insecure()), (is_local, is_insecure), "{settings:?}");
    }
    // Without TLS nothing but loopback is served, whatever tokens there are.
    for settings in [SecuritySettings::default(), tokens()] {
        assert!(checked(settings, "0.0.0.0:0").unwrap_err().join("").contains("not a loopback"));
    }
}

#[test]
fn security_comes_from_a_file_too() {
    let (folder, file) = mk_file();
    let path = folder.path().join("situs.toml");
    let text = format!(
        "tls_cert = {file:?}\ntls_key = {file:?}\ntls_client_ca = {file:?}\ntls_client_auth = \"optional\"\n\
         jwt_issuer = \"https://issuer.test\"\njwt_audience = [\"situs\"]\n\
         jwt_jwks = \"https://issuer.test/keys\"\ntls_cret = 1\n"
    );
    std::fs::write(&path, &text).unwrap();
    let settings = Settings { config: Some(path.clone()), ..Settings::default() };
    let faults = Config::try_from(settings.clone()).unwrap_err().0;
    assert!(faults.len() == 1 && faults[0].contains("did you mean `tls_cert`"), "{faults:?}");
    std::fs::write(&path, text.replace("tls_cret = 1\n", "")).unwrap();
    let security = Config::try_from(settings).unwrap().security;
    assert_eq!(security.tls.unwrap().client_auth, ClientAuth::Optional);
    let tokens = security.tokens.unwrap();
    assert_eq!((tokens.skew.as_secs(), tokens.groups_claim.as_str()), (30, "groups"));
    assert!(matches!(tokens.keys, KeySource::Url { ca: None, .. }));
}

#[test]
fn a_flag_wins_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("situs.toml");
    std::fs::write(&path, "listen = \"127.0.0.1:1\"\nshutdown_grace = 3\n").unwrap();
    let settings = Settings { listen: Some("[::1]:0".to_owned()), config: Some(path), ..Settings::default() };
    let config = Config::try_from(settings).unwrap();
    assert_eq!((config.listen.port(), config.shutdown_grace.as_secs()), (0, 3));
    assert!(config.listen.is_ipv6());
}

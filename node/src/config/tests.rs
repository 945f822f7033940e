//! The configuration: read, overridden, refused with its place.

use super::*;

fn home(folder: &Path) -> Environment {
    Environment {
        config_home: Some(folder.join("config")),
        data_home: Some(folder.join("data")),
        state_home: Some(folder.join("state")),
        runtime_dir: Some(PathBuf::from("/run/user/7")),
        temporary: PathBuf::from("/tmp"),
        ..Environment::default()
    }
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn cf_02_flag_beats_environment_beats_profile_beats_file_beats_default() {
    let folder = tempfile::tempdir().unwrap();
    let mut environment = home(folder.path());
    let load = |environment: &Environment, flags: &Flags| Settings::load(flags, environment).unwrap();
    let settings = load(&environment, &Flags::default());
    assert_eq!((settings.node.mdns, settings.node.listen.len(), settings.group.clone()), (true, 2, None));
    write(&settings.paths.config, "node.mdns = false\n[group]\ndefault = \"Harbour\"\n");
    assert!(!load(&environment, &Flags::default()).node.mdns);
    write(settings.paths.profile_config.as_ref().unwrap(), "[node]\nmdns = true\nlisten = [\"tcp\"]\n");
    let settings = load(&environment, &Flags::default());
    assert_eq!((settings.node.mdns, settings.node.listen.clone()), (true, vec!["tcp".to_owned()]));
    assert_eq!(settings.group.as_deref(), Some("Harbour"));
    environment.group = Some("Quay".into());
    let flags = Flags { listen: vec!["quic".into()], ..Flags::default() };
    let settings = load(&environment, &flags);
    assert_eq!(
        (settings.group.as_deref(), settings.node.listen.as_slice()),
        (Some("Quay"), ["quic".to_owned()].as_slice())
    );
    let origin = |key: &str| settings.entries().iter().find(|entry| entry.key == key).unwrap().origin;
    assert_eq!(
        (origin("node.listen"), origin("node.mdns"), origin("node.upnp")),
        (Origin::Flag, Origin::ProfileFile, Origin::Default)
    );
}

#[test]
fn cf_02_an_unknown_key_names_the_nearest_and_a_wrong_type_says_what_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let environment = home(folder.path());
    let file = folder.path().join("config/coterie/config.toml");
    write(&file, "[node]\nmdsn = false\n");
    let problem = Settings::load(&Flags::default(), &environment).unwrap_err();
    assert_eq!((problem.code, problem.details["nearest"].as_str()), (Code::UnknownField, Some("node.mdns")));
    write(&file, "[node]\nmdns = \"no\"\n");
    let problem = Settings::load(&Flags::default(), &environment).unwrap_err();
    assert!(problem.code == Code::BadValue && problem.why.contains("true or false"), "{problem}");
}

#[test]
fn cf_02_setting_a_value_keeps_comments_and_other_lines() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("coterie/config.toml");
    set_value(&file, "node.mdns", "false").unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "[node]\nmdns = false\n");
    write(&file, "# mine\n[node]\n# quiet\nmdns = false\n\n[group]\ndefault = \"A\"\n");
    set_value(&file, "node.mdns", "true").unwrap();
    set_value(&file, "node.upnp", "false").unwrap();
    set_value(&file, "group.default", "Harbour").unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text, "# mine\n[node]\n# quiet\nmdns = true\nupnp = false\n\n[group]\ndefault = \"Harbour\"\n");
    assert_eq!(set_value(&file, "node.mdns", "maybe").unwrap_err().code, Code::BadValue);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn cf_01_a_named_data_folder_keeps_its_own_socket_and_long_paths_get_a_short_one() {
    let folder = tempfile::tempdir().unwrap();
    let environment = home(folder.path());
    let of = |data: Option<PathBuf>| {
        Settings::load(&Flags { data_dir: data, ..Flags::default() }, &environment).unwrap().paths
    };
    assert_eq!(of(None).socket, PathBuf::from("/run/user/7/coterie/default.sock"));
    assert_eq!(of(Some("/d".into())).socket, PathBuf::from("/d/run/api.sock"));
    let long = of(Some(format!("/{}", "d".repeat(120)).into())).socket;
    assert!(long.starts_with("/tmp") && long.as_os_str().len() <= 100, "{long:?}");
    assert_ne!(long, of(Some(format!("/{}", "e".repeat(120)).into())).socket);
}

#[test]
fn a_profile_name_is_no_path() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["", "../x", "A", "a b", "ä"] {
        let flags = Flags { profile: Some(name.into()), ..Flags::default() };
        assert_eq!(Settings::load(&flags, &home(folder.path())).unwrap_err().code, Code::Usage, "{name}");
    }
}

//! Servers that Auto Scaling replaces are left alone, whatever becomes of them: never do two replace one server.

use super::*;

/// The reconciler terminates what is surplus or unhealthy. The webservers are left to Auto Scaling.
fn scene() -> Scene {
    Scene::start(webservers(3, 0), Cloud::default(), |settings| {
        settings.auto_scaling.replace("webserver");
        settings.reconciler.surplus = Policy::Terminate;
        settings.reconciler.unhealthy = Policy::Terminate;
    })
}

/// The servers that the reconciler found missing, booted or terminated an instance of.
fn touched(scene: &Scene) -> BTreeSet<String> {
    let events = scene.memory.events().into_iter();
    let server = |event| match event {
        Event::ReconcilerMissing { server, .. }
        | Event::ReconcilerBoots { server }
        | Event::ReconcilerReplaced { server, .. }
        | Event::ReconcilerTerminates { server, .. } => Some(server),
        _ => None,
    };
    events.filter_map(|record| server(record.event)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_auto_scaling_replaces_is_never_terminated_booted_or_counted_as_missing() {
    let scene = scene();
    // One is gone, one hangs, and of the third there are two: the old one, and the one that Auto Scaling launched for it.
    scene.cloud.set("web-1.1", PowerState::Terminated);
    scene.cloud.set("web-2.1", PowerState::Frozen);
    let launched = scene.cloud.add("web-3", Ipv4Addr::new(198, 18, 0, 99)).address;
    scene.cloud.kept().silent.insert(launched);
    scene.until_looked(20).await;
    // What is not left to Auto Scaling is still replaced.
    scene.cloud.set("lb-1.1", PowerState::Terminated);
    scene.until_replaced(&["lb-1"]).await;
    scene.until_looked(20).await;
    assert_eq!(touched(&scene), ["lb-1".to_string()].into());
    let there = ["web-1", "web-2", "web-3"].map(|server| scene.cloud.ids(server).len());
    assert_eq!(there, [1, 1, 2]);
    let states =
        scene.cloud.kept().instances.iter().map(|one| (one.id.0.clone(), one.state)).collect::<BTreeMap<_, _>>();
    assert_eq!(
        ["web-2.1", "web-3.1", "web-3.2"].map(|id| states[id]),
        [PowerState::Frozen, PowerState::Running, PowerState::Running]
    );
    let counted = |event: &Event| matches!(event, Event::ReconcilerStep { step: ReconcilerStep::Compare, detail, .. } if detail == "2 servers declared: 0 missing, 0 surplus");
    assert!(scene.events(counted) > 0, "{:#?}", scene.memory.events());
}

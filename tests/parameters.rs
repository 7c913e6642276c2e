//! What each parameter type makes of a text.

use std::fmt::Debug;
use std::str::FromStr;
use std::time::Duration;

use anarcho_chimp::plan::{self, Choice, Schedule};
use anarcho_chimp::steps::params::*;
use anarcho_chimp::units::{self, Bound, HumanDuration};

fn read<T: FromStr<Err = ParamError>>(text: &str) -> T {
    text.parse().unwrap_or_else(|why| panic!("`{text}`: {why}"))
}

fn refuse<T: FromStr<Err = ParamError> + Debug>(texts: &[&str]) {
    for text in texts {
        let refused = text.parse::<T>();
        assert!(refused.is_err(), "`{text}` became {refused:?}");
    }
}

#[test]
fn counts_are_digits_words_or_an_article() {
    let counts = [("0", 0), ("4", 4), ("2_000", 2000), ("a", 1), ("an", 1), ("one", 1), ("three", 3), ("twelve", 12)];
    for (text, count) in counts {
        assert_eq!(read::<Count>(text), Count(count), "{text}");
    }
    refuse::<Count>(&["", "thirteen", "4.5", "-1", "99999999999999999999999"]);
}

#[test]
fn roles_are_kept_in_the_singular_and_unquoted() {
    let roles = [
        ("node", "node"),
        ("nodes", "node"),
        ("webservers", "webserver"),
        ("load balancers", "load balancer"),
        ("load balancer", "load balancer"),
        ("databases", "database"),
        ("caches", "cache"),
        ("\"dbhaproxy\" nodes", "dbhaproxy"),
        ("\"pages\" node", "pages"),
    ];
    for (text, role) in roles {
        assert_eq!(read::<Role>(text).0, role, "{text}");
    }
}

#[test]
fn targets_say_how_to_choose_among_whom() {
    let targets = [
        ("node \"web-1\"", Choice::Named("web-1".into()), "node"),
        ("the highest-degree node", Choice::HighestDegree(1), "node"),
        ("the 2 highest-degree nodes", Choice::HighestDegree(2), "node"),
        ("the three highest-degree webservers", Choice::HighestDegree(3), "webserver"),
        ("the active load balancer", Choice::Active, "load balancer"),
        ("the standby load balancer", Choice::Standby, "load balancer"),
        ("the same webserver", Choice::Same, "webserver"),
        ("a random webserver", Choice::Random(1), "webserver"),
        ("2 random \"app\" nodes", Choice::Random(2), "app"),
        ("50% of the webservers", Choice::Share(50.0), "webserver"),
        ("12.5 % of the nodes", Choice::Share(12.5), "node"),
        ("every load balancer", Choice::Every, "load balancer"),
        ("every other webserver", Choice::EveryOther, "webserver"),
        ("every critical node", Choice::Critical, "node"),
        ("every unhealthy \"app\" node", Choice::Unhealthy, "app"),
        ("the most central node", Choice::MostCentral(1), "node"),
        ("the two most central load balancers", Choice::MostCentral(2), "load balancer"),
        ("the busiest webserver", Choice::Busiest(1), "webserver"),
        ("the 3 idlest webservers", Choice::Idlest(3), "webserver"),
        ("the primary database", Choice::Primary, "database"),
    ];
    for (text, choice, role) in targets {
        let expected = plan::Target::of(choice, role, text);
        assert_eq!(read::<Target>(text).0, expected);
    }
    refuse::<Target>(&[
        "the 2 active load balancers",
        "101% of the webservers",
        "every node in zone \"a\" in zone \"b\"",
        "every node tagged \"a\" tagged \"b\"",
        "the webserver",
    ]);
}

#[test]
fn targets_are_narrowed_by_zone_and_tag_in_any_order() {
    for text in ["every node in zone \"a\" tagged \"x y\"", "every node tagged \"x y\" in zone \"a\""] {
        let target = read::<Target>(text).0;
        assert_eq!((target.choice, target.role.as_str()), (Choice::Every, "node"));
        assert_eq!((target.zone.as_deref(), target.tag.as_deref()), (Some("a"), Some("x y")));
        assert_eq!(target.text, text);
    }
    let named = read::<Target>("node \"web-1\" in zone \"a\"").0;
    assert_eq!((named.choice, named.zone.as_deref()), (Choice::Named("web-1".into()), Some("a")));
}

#[test]
fn ports_signals_processes_and_bandwidths_are_what_there_can_be() {
    assert_eq!((read::<Port>("1").0, read::<Port>("65535").0), (1, 65535));
    refuse::<Port>(&["0", "65536", "http", ""]);
    assert_eq!(read::<Signal>("SIGTERM").0, "TERM");
    refuse::<Signal>(&["TERM", "SIG", ""]);
    assert_eq!(read::<Process>("process \"nginx\""), Process::Named("nginx".into()));
    assert_eq!(read::<Process>("process 'a \"b'"), Process::Named("a \"b".into()));
    assert_eq!(read::<Process>("a random process"), Process::Random);
    refuse::<Process>(&["process nginx", "nginx", "process \"nginx'", ""]);
    let bandwidths = [("1 Mbit/s", 1_000_000), ("500 kbit/s", 500_000), ("1.5Gbit/s", 1_500_000_000), ("8 bit/s", 8)];
    for (text, bits) in bandwidths {
        assert_eq!(read::<Bandwidth>(text).0, bits, "{text}");
    }
    refuse::<Bandwidth>(&["1 MB/s", "1 Mbit", "fast", "1 mbit/s", "1.2.3 Mbit/s"]);
}

#[test]
fn a_schedule_may_be_left_away_or_says_when() {
    let (five, twenty) = (Duration::from_secs(5), Duration::from_secs(20));
    let schedules = [
        ("", Schedule::Once),
        (" for 5 s", Schedule::For(five)),
        (" every 5 s for 20 s", Schedule::Every { interval: five, total: twenty }),
        (" at random times, every 5 s on average, for 20 s", Schedule::Poisson { mean: five, total: twenty }),
    ];
    for (text, schedule) in schedules {
        assert_eq!(read::<Moments>(text).0, schedule, "{text}");
    }
    refuse::<Moments>(&[" for 0 s", " every 0 s for 5 s", " every 5 s", "soon", " now and then for 5 s"]);
}

#[test]
fn durations_have_a_unit_and_are_not_zero() {
    let spans = [("500 ms", 500), ("500ms", 500), ("8 min", 480_000), ("3 min 30 s", 210_000), ("1.5 s", 1500)];
    for (text, ms) in spans {
        assert_eq!(read::<Span>(text).0, Duration::from_millis(ms), "{text}");
    }
    refuse::<Span>(&["0 s", "5", "5 parsecs", "s", "-1 s"]);
}

#[test]
fn bounds_say_which_side_and_whether_the_limit_counts() {
    let second = HumanDuration(Duration::from_secs(1));
    let two = HumanDuration(Duration::from_secs(2));
    let bounds = [
        ("under 1 s", Bound::Under(second)),
        ("< 1 s", Bound::Under(second)),
        ("<1s", Bound::Under(second)),
        ("over 1 s", Bound::Over(second)),
        ("> 1 s", Bound::Over(second)),
        ("at least 1 s", Bound::AtLeast(second)),
        ("at most 1 s", Bound::AtMost(second)),
        ("between 1 s and 2 s", Bound::Between(second, two)),
        ("between 1 s and 1 s", Bound::Between(second, second)),
    ];
    for (text, bound) in bounds {
        assert_eq!(read::<DurationBound>(text).0, bound, "{text}");
    }
    refuse::<DurationBound>(&["1 s", "under", "between 2 s and 1 s", "under 5 parsecs"]);
    let (low, high) = (units::Percent(99.9), units::Percent(100.0));
    assert_eq!(read::<PercentBound>("at least 99.9%").0, Bound::AtLeast(low));
    assert_eq!(read::<PercentBound>("between 99.9% and 100 %").0, Bound::Between(low, high));
    refuse::<PercentBound>(&["99%", "at least 101%", "between 60% and 40%"]);
}

#[test]
fn percentages_go_from_0_to_100() {
    for (text, percent) in [("0%", 0.0), ("99.9%", 99.9), ("50 %", 50.0), ("100%", 100.0)] {
        assert_eq!(read::<Percent>(text).0, units::Percent(percent), "{text}");
    }
    refuse::<Percent>(&["100.1%", "-1%", "x%", "NaN%", "1.2.3%"]);
}

#[test]
fn rates_are_requests_a_second_and_more_than_none() {
    for (text, rate) in [("500 requests/s", 500.0), ("2_000 requests/s", 2000.0), ("0.5 requests/s", 0.5)] {
        assert_eq!(read::<Rate>(text).0, units::Rate(rate), "{text}");
    }
    assert_eq!(read::<Rate>("1 request/s").0, units::Rate(1.0));
    refuse::<Rate>(&["0 requests/s", "500 requests/min", "500", "many requests/s"]);
}

#[test]
fn quantiles_lie_between_0_and_100_exclusive() {
    use units::Quantile::{At, Maximum, Mean};
    let quantiles = [("p99", At(0.99)), ("p99.9", At(0.999)), ("p50", At(0.5)), ("median", At(0.5))];
    for (text, quantile) in quantiles.into_iter().chain([("mean", Mean), ("maximum", Maximum)]) {
        assert_eq!(read::<Quantile>(text).0, quantile, "{text}");
    }
    refuse::<Quantile>(&["p0", "p100", "p101", "p", "p9.9.9", "99"]);
}

#[test]
fn phases_and_intervals_are_those_of_the_plan() {
    use plan::{Interval as I, Phase as P};
    let phases = [
        ("before the fault", P::Before),
        ("during failover", P::Failover),
        ("while degraded", P::Degraded),
        ("after recovery", P::After),
        ("throughout", P::Throughout),
    ];
    for (text, phase) in phases {
        assert_eq!(read::<Phase>(text).0, phase);
    }
    let intervals = [
        ("detection", I::Detection),
        ("removal from rotation", I::Removal),
        ("failover", I::Failover),
        ("replacement", I::Replacement),
        ("restoring redundancy", I::Redundancy),
        ("recovery", I::Recovery),
    ];
    for (text, interval) in intervals {
        assert_eq!(read::<Interval>(text).0, interval);
    }
}

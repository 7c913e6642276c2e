//! The step language as a table: each text is matched by exactly one pattern, under its own keyword.

#[path = "vocabulary/texts.rs"]
mod texts;

use anarcho_chimp::declare::Vocabulary;
use texts::TEXTS;

/// Words of the language whose machinery is not there yet: better undefined than without effect.
const NOT_YET: &[&str] = &[
    "a random webserver stops",
    "a random webserver loses name resolution",
    "the network of a random webserver corrupts 3% of packets",
    "the clock of a random webserver jumps 1 h",
    "the 2 active load balancers of the site die",
    "the error budget spent is under 10%",
    "the blast radius is under 10% of requests",
    "every other webserver in turn dies",
];

#[test]
fn every_text_matches_exactly_one_pattern_across_all_keywords() {
    let vocabulary = Vocabulary::registered();
    for (keyword, text) in TEXTS {
        let found = vocabulary.matching(text);
        let shown: Vec<_> = found.iter().map(|pattern| format!("{} {}", pattern.keyword, pattern.text)).collect();
        assert_eq!(found.len(), 1, "`{text}` matches {shown:?}");
        assert_eq!(found[0].keyword, *keyword, "`{text}`");
    }
}

#[test]
fn every_pattern_has_an_example() {
    let vocabulary = Vocabulary::registered();
    for pattern in vocabulary.patterns() {
        let example = TEXTS.iter().any(|(_, text)| {
            vocabulary.matching(text).iter().any(|found| found.text == pattern.text && found.keyword == pattern.keyword)
        });
        assert!(example, "no example of `{} {}`", pattern.keyword, pattern.text);
    }
}

#[test]
fn words_without_machinery_match_nothing() {
    for text in NOT_YET {
        assert!(Vocabulary::registered().matching(text).is_empty(), "`{text}`");
    }
}

#[test]
fn patterns_are_shown_as_they_were_written() {
    let vocabulary = Vocabulary::registered();
    let shown: Vec<_> = vocabulary.patterns().iter().map(|p| format!("{} {}", p.keyword, p.text)).collect();
    insta::assert_snapshot!(shown.join("\n"));
}

/// The language as a document: every pattern with an example, and what its parameters accept.
fn document(vocabulary: &Vocabulary) -> String {
    let mut text = String::from(
        "# The step language\n\nEvery pattern with an example of it. A text means exactly one pattern. \
         This page is kept true by `tests/vocabulary.rs`.\n\n\
         Features are Gherkin, read as its reference parser reads them: keywords in any of its languages \
         (`# language: fr`), steps in English. A step with `*` is what its text is. Text files are UTF-8, with or \
         without a byte order mark.\n",
    );
    for keyword in ["Given", "When", "Then"] {
        text.push_str(&format!("\n## {keyword}\n\n| pattern | example |\n|---|---|\n"));
        for pattern in vocabulary.patterns().iter().filter(|pattern| pattern.keyword == keyword) {
            let is_it = |example: &str| vocabulary.matching(example).iter().any(|found| found.text == pattern.text);
            let example = TEXTS.iter().find(|(_, example)| is_it(example)).map_or("", |(_, example)| example);
            text.push_str(&format!("| `{}` | {example} |\n", pattern.text));
        }
    }
    text.push_str(
        "\n## Parameters\n\nR is a role. `{int}` and `{string}` are Cucumber's own.\n\n| type | accepts |\n|---|---|\n",
    );
    for kind in vocabulary.parameter_types() {
        text.push_str(&format!("| `{}` | {} |\n", kind.name, kind.accepts.replace('|', "\\|").replace('<', "&lt;")));
    }
    text.push_str(PHASES);
    text.push_str(TABLES);
    text.push_str(MEANINGS);
    text
}

const PHASES: &str = r#"
## Phases and times

A strike comes into force between two moments: the last at which it surely was not in force at any victim, and the first
at which its witness saw that it surely was at all of them. **t0** is the earlier one, of the first strike. The later one is
the milestone *witnessed*. Without a witness there is no t0, and the scenario is `invalid`.

| phase | from | to |
|---|---|---|
| before the fault | the start of the steady baseline | t0 |
| during failover | t0 | service is back |
| while degraded | t0 | recovery |
| after recovery | recovery | the end of the watch |
| throughout | the start of the steady baseline | the end of the watch |

"Before the fault", "while degraded" and "after recovery" add up to "throughout": each request is in exactly one of them, by
the moment it was due. "During failover" lies inside "while degraded".

| interval | from t0 until |
|---|---|
| detection | the first record of the fault by the system itself: a failing check, a takeover of the virtual IP, the reconciler missing a server, an activity of Auto Scaling for it |
| removal from rotation | no living balancer has a victim in rotation, or another server holds its virtual IP: the last victim counts |
| failover | the first good request after the first error that a whole steady window follows; no time at all if no request was bad |
| replacement | the replacement fulfils its role: of the last victim that needed one; `invalid` if none did |
| restoring redundancy | everything declared is there again, and no repair is under way |
| recovery | the start of the first steady window in which redundancy is back |

What happens after recovery does not change it. A server that is missing again, or a new outage, is a *relapse*: it is
reported, it counts as downtime, and it belongs to "after recovery".

**What is not known is not judged.** An interval may be shorter than measured by the time between t0 and the witness, and by
the resolution of whatever saw its end; an outage may be shorter or longer by the resolution of the probes, a latency by how late the prober sent and read. A Then passes if
its bound holds for everything that the value may be, fails if it holds for nothing of that, and is `invalid` if the bound lies between. A figure that can't be told from nothing is written as the most that it can be: `≤ 31 ms`.

A Then that rests on an observer which was blind for more than 250 ms in the judged span is `invalid`. Two exceptions: what was seen and refutes
the Then still does, and a victim need not be visible while its own fault lasts.
"#;

const TABLES: &str = r#"
## Tables

A row's `fault` is what a step would say, without its target, which stands beside it. An empty `target` means that
`fault` is the whole sentence; an empty `for`, to the end. `mean` is the mean time between two strikes of the row.

```gherkin
When these faults strike:
  | at  | fault                 | target                   | for |
  | 0 s | gains 100 ms of delay | every webserver          | 8 s |
  | 2 s | process "nginx" dies  | a random webserver       |     |
  | 4 s | loses network         | the active load balancer | 3 s |
When random faults strike for 1 min:
  | fault                | target             | mean |
  | dies                 | a random webserver | 20 s |
  | loses 30% of packets | a random webserver | 10 s |
```

```gherkin
Given steady state means:
  | availability | at least 99.5% |
  | window       | 1 s            |
```

## How long a fault lasts

`for 6 s` counts from the moment the fault is in force. What a victim can end itself (rules, delays, losses, rates, stopped
processes, taken CPU, memory and disk space) it ends itself, on time, whatever the fault does to the path over which it was
ordered; the harness confirms it during the fault or after it. A loss of all packets is therefore no obstacle. A fault ends
earlier if its victim is terminated, replaced, or loses its power. Without a time, a fault lasts until all faults are lifted or
the scenario ends; one that impairs the path of its own heal lasts 10 min at most.

The harness reaches its victims over the same network as users do, and is not exempted from what a fault does to it.
"#;

const MEANINGS: &str = r#"
## Chance

Each random choice is independent of every other one; the same seed makes the same choices. A side of a partition that is drawn
by chance is drawn from the servers that are not on the other side: `the network between 2 random webservers and a random
webserver is cut` separates one of the remaining webservers from the two. Where the other side is named and leaves too few, it is
drawn from all. A scenario whose sides would leave too few servers is refused.

## The sides of a partition

| a step | cuts |
|---|---|
| `the network between node "web-1" and every webserver is cut` | web-1 from the other webservers, in both directions; the same with the sides swapped |
| `traffic from node "web-1" to every webserver is dropped` | what web-1 sends to the other webservers; what they send still arrives |
| `traffic from every webserver to node "web-1" is dropped` | what the other webservers send to web-1; what it sends still arrives |
| `traffic from every webserver to every webserver is dropped` | what any of them sends to any other |

A server is never cut off from itself. In a partition *between* two sides, a server that both sides name belongs to the side that would be
empty without it; else to the first. Two equal sides are refused: `the network of the webservers is split into halves` divides
one tier. A one-way partition is refused only if no server would lose the traffic of another.

## Rotation

A server is in rotation if each load balancer in front of it that lives sends it new requests. The load balancer's own
statistics decide:

| a server is | in rotation |
|---|---|
| `UP`, or without checks, with a weight above 0 | yes |
| `DOWN`, or going up and not yet `UP` | no |
| `DRAIN`, `NOLB` or `MAINT`, by command, by its own answer or by an agent check | no: it keeps old sessions at most |
| of weight 0, whoever set it | no |
| a `backup`, while a server that is no backup is usable | no: it stands by |
| a `backup`, when none of the others is usable | the first usable one; with `option allbackups` each usable one |
| no longer in the configuration | no |

A backup that stands by is where it belongs. Redundancy counts it as there, it is no unhealthy server, and it is removed from
rotation only once it is no longer usable.

## What can be observed

A Then that nothing in this infrastructure can answer is refused before anything boots:

| a Then about | needs |
|---|---|
| rotation, removal from rotation | a HAProxy in front of the servers whose role file declares `stats_socket:`; for removal, a server that may hold a virtual IP counts too |
| connections that stay open | such a HAProxy |
| the holder of the virtual IP | a virtual IP that only servers of this role share |
| detection | one of these, the reconciler, or Auto Scaling |
| databases that agree or are writable, writes that are lost or applied twice, follower counts | databases; of writes also users who work with a workload file |

An observer looks again and again: at the virtual IP every 10 ms, at a load balancer every 20 ms, at instances every 50 ms, at a database every 100 ms.
In a cloud, instances are listed through its API, every 500 ms on OpenStack and every second on EC2 (`list_every`), and the server to which a floating IP leads is asked for at half that pace; what is seen on a server is seen as often as elsewhere. The reconciler compares every second there, too (`every` under `[reconciler]`), each time with a list that was asked for afterwards, so it waits up to one `list_every` more.
What begins and ends between two looks is not seen. A change is known to within the time since the last look that saw, and a verdict respects that.

In the local sandbox the harness looks itself, through `/proc`. A server whose processes are not on this machine is watched by the
harness's agent, which looks at the same things as often, and reports each change over SSH with the time of that server's clock.
That clock is compared with the harness's by round trips, every 10 s. Half of the fastest trip, and what the clocks may have
drifted since, widen each recorded time. A report that arrives late still counts from the moment of its look.

While an observer cannot see, it records that it is blind, and why. A blind moment of up to 250 ms makes no Then `invalid`: it is
a few missed looks, as they happen on a busy machine, and the change that is seen at its end is known to within the whole
moment. So `exactly one load balancer holds the virtual IP` can't rule out a second holder for less than 250 ms. Blindness is not a fact about the site. That a server is
gone is a fact: it holds no virtual IP. An agent that has reported nothing for 250 ms makes its observers blind, from its last look on,
and is started again after its connection broke. If its reports arrive after all, they show that it saw meanwhile, and nothing was
missed.
"#;

#[test]
fn a_step_as_long_as_a_file_has_a_nearest_pattern_in_no_time() {
    let long = "4 webservers behind".to_string() + &" ".repeat(1_000_000);
    assert!(!Vocabulary::registered().nearest("Given", &long).is_empty());
}

/// To write it anew: `UPDATE_DOCS=1 cargo test --test vocabulary`.
#[test]
fn the_documented_language_is_this_one() {
    let (path, written) = ("docs/language.md", document(&Vocabulary::registered()));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &written).unwrap();
    }
    let on_disk = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(on_disk, written, "docs/language.md is not what is registered");
}

//! The renderers that write lines: plain, quiet, JSON; and the rule that colours only add.

use crate::common::{STREAMS, options, stream};
use model::event::{Event, Stream, Timed};
use report::{Json, Kind, Options, Purpose, Renderer, Size, renderer};

fn render(renderer: &mut dyn Renderer, events: &[Timed]) -> String {
    let mut out = Vec::new();
    for event in events {
        renderer.event(event, &mut out).unwrap();
    }
    renderer.finish(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn plain(name: &str, options: Options) -> String {
    render(renderer(Kind::Plain, options).as_mut(), &stream(name))
}

#[test]
fn plain_lines_and_summary_of_every_recorded_run() {
    for name in STREAMS {
        insta::assert_snapshot!(format!("plain-{name}"), plain(name, options(false, false)));
    }
}

#[test]
fn plain_shows_what_steps_print_when_asked() {
    insta::assert_snapshot!(plain("success", options(true, false)));
}

#[test]
fn what_builds_no_case_advises_no_phase() {
    let of = |purpose: Purpose, name: &str| {
        let mut options = options(false, false);
        options.next.purpose = purpose;
        plain(name, options)
    };
    let built = of(Purpose::Phases, "success");
    assert!(built.contains("next: ") && built.contains("  network: ") && built.contains("(never ran)"));
    let verified = of(Purpose::Verify, "success");
    for word in ["next: ", "  network: ", "(never ran)"] {
        assert!(!verified.contains(word), "{word}: {verified}");
    }
    assert!(verified.contains("verify: done in"), "{verified}");
    assert!(of(Purpose::Verify, "failure").contains("checks again"));
    assert!(!of(Purpose::Apart, "success").contains("next: "));
}

#[test]
fn quiet_tells_failures_and_leaks_only() {
    for name in ["success", "nothing-to-do", "cancelled", "optional"] {
        assert_eq!(
            render(renderer(Kind::Quiet, options(false, false)).as_mut(), &stream(name)),
            "",
            "{name}"
        );
    }
    for name in ["failure", "leak", "keep-going"] {
        let text = render(renderer(Kind::Quiet, options(false, false)).as_mut(), &stream(name));
        insta::assert_snapshot!(format!("quiet-{name}"), text);
    }
}

#[test]
fn quiet_tells_the_failures_of_a_run_that_never_said_that_it_ended() {
    let mut events = stream("failure");
    events.pop();
    assert!(
        render(renderer(Kind::Quiet, options(false, false)).as_mut(), &events)
            .contains("zlib.h: No such file")
    );
}

#[test]
fn json_lines_read_back_as_the_same_events() {
    for name in STREAMS {
        let events = stream(name);
        let text = render(&mut Json, &events);
        let read: Vec<Timed> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(read, events, "{name}");
    }
}

#[test]
fn colours_add_nothing_but_colour() {
    for name in STREAMS {
        let events = stream(name);
        for kind in [Kind::Plain, Kind::Quiet, Kind::Terminal(Size::default())] {
            let plain = render(renderer(kind, options(true, false)).as_mut(), &events);
            let coloured = render(renderer(kind, options(true, true)).as_mut(), &events);
            assert_eq!(without_colours(&coloured), without_colours(&plain), "{name}, {kind:?}");
            // The one reset at the end makes a terminal sane whatever a step printed.
            assert_eq!(without_colours(&plain), plain.replace("\x1b[0m", ""), "{name}, {kind:?}");
        }
    }
}

/// The text without `ESC [ … m`; what moves the cursor stays.
fn without_colours(text: &str) -> String {
    let mut left = text;
    let mut out = String::new();
    while let Some((before, after)) = left.split_once("\x1b[") {
        out.push_str(before);
        let end = after.find(|character: char| character.is_ascii_alphabetic()).unwrap();
        if !after[end..].starts_with('m') {
            out.push_str("\x1b[");
            out.push_str(&after[..=end]);
        }
        left = &after[end + 1..];
    }
    out + left
}

#[test]
fn a_long_silent_step_gets_a_heartbeat_once_a_minute() {
    let mut renderer = renderer(Kind::Plain, options(false, false));
    let mut out = Vec::new();
    let events = stream("success");
    // Up to the moment when only the compile of ffmpeg runs on, with its last line at 21 s.
    for event in events.iter().take_while(|event| event.at_ms <= 75_300) {
        renderer.event(event, &mut out).unwrap();
    }
    out.clear();
    for second in 76..=200 {
        renderer.tick(second * 1000, None, &mut out).unwrap();
    }
    let text = String::from_utf8(out).unwrap();
    assert_eq!(
        text,
        "[build/ffmpeg/compile] still running after 1m 00s: CC libavcodec/h264_2.o\n\
         [build/ffmpeg/compile] still running after 2m 00s: CC libavcodec/h264_2.o\n\
         [build/ffmpeg/compile] still running after 3m 00s: CC libavcodec/h264_2.o\n"
    );
}

#[test]
fn details_of_a_failure_are_told_once() {
    // With --keep-going other work goes on for long: a line tells of the failure, and the summary of all that is known.
    for name in ["failure", "keep-going"] {
        let text = plain(name, options(false, false));
        assert_eq!(text.matches("fatal error: zlib.h").count(), 1, "{text}");
        assert!(
            text.contains("[build/ffmpeg/compile] FAILED after 5.2 s: `make` ended with status 2\n"),
            "{text}"
        );
    }
}

#[test]
fn each_finding_is_said_once() {
    for (name, finding) in [
        ("counting", "numpy 2.2 and opencv 4.10"),
        ("counting", "failed to update the package lists"),
        ("leak", "example.org:443 "),
        ("optional", "no wheel of flash-attn"),
        ("success", "a third-party repository did not answer"),
    ] {
        let text = plain(name, options(false, false));
        let failed = text.matches("] FAILED after").count();
        // A failure has a line when it happens, and its block at the end.
        assert_eq!(text.matches(finding).count(), 1 + failed, "{name}: {text}");
    }
}

#[test]
fn a_long_step_says_how_far_it_is_once_a_minute() {
    let mut renderer = renderer(Kind::Plain, options(false, false));
    let mut out = Vec::new();
    for event in stream("counting").iter().take_while(|event| event.at_ms <= 33_300) {
        renderer.event(event, &mut out).unwrap();
    }
    out.clear();
    let line = |second: u64| Event::Output {
        step: model::StepId::new("build/opencv/compile"),
        stream: Stream::Stdout,
        line: format!("[{second}/400] Building CXX object a{second}.o"),
    };
    for second in 1..=185 {
        let at_ms = 33_200 + second * 1000;
        renderer.event(&Timed { at_ms, event: line(second) }, &mut out).unwrap();
        renderer.tick(at_ms + 500, None, &mut out).unwrap();
    }
    let text = String::from_utf8(out).unwrap();
    let told: Vec<&str> = text.lines().filter(|line| line.starts_with("[build/opencv/compile]")).collect();
    assert_eq!(
        told,
        [
            "[build/opencv/compile] still running after 1m 00s: 60/400, about 5 min left: Building CXX object a60.o",
            "[build/opencv/compile] still running after 2m 00s: 120/400, about 4 min left: Building CXX object a120.o",
            "[build/opencv/compile] still running after 3m 00s: 180/400, about 3 min left: Building CXX object a180.o",
        ],
        "{text}"
    );
}

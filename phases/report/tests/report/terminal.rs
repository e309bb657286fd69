//! The terminal renderer on a virtual screen.

use crate::common::{STREAMS, options, stream};
use model::event::{Event, Timed};
use report::{Kind, RESTORE, Renderer, Size, renderer};

/// A screen with the renderer that draws on it.
struct Screen {
    terminal: vt100::Parser,
    renderer: Box<dyn Renderer + Send>,
    size: Size,
    at_ms: u64,
}

impl Screen {
    fn new(columns: u16, rows: u16) -> Self {
        let size = Size { columns, rows };
        Self {
            terminal: vt100::Parser::new(rows, columns, 1000),
            renderer: renderer(Kind::Terminal(size), options(false, false)),
            size,
            at_ms: 0,
        }
    }

    fn event(&mut self, event: &Timed) {
        let mut out = Vec::new();
        self.renderer.event(event, &mut out).unwrap();
        self.terminal.process(&out);
    }

    fn tick(&mut self, now_ms: u64) {
        let mut out = Vec::new();
        self.renderer.tick(now_ms, Some(self.size), &mut out).unwrap();
        self.terminal.process(&out);
    }

    /// All events up to this time, then a redraw.
    fn until(&mut self, name: &str, at_ms: u64) {
        for event in stream(name).iter().take_while(|event| event.at_ms <= at_ms) {
            self.event(event);
        }
        self.tick(at_ms + 100);
    }

    fn finish(&mut self) {
        let mut out = Vec::new();
        self.renderer.finish(&mut out).unwrap();
        self.terminal.process(&out);
    }

    fn contents(&self) -> String {
        self.terminal.screen().contents()
    }
}

fn numbered(contents: &str) -> String {
    // The frame shows where a line would have been cut by the screen itself.
    contents.lines().map(|line| format!("|{line}\n")).collect()
}

#[test]
fn downloads_show_bytes_and_rate_and_the_rest_shows_its_last_line() {
    let mut screen = Screen::new(80, 24);
    screen.until("success", 1300);
    insta::assert_snapshot!(numbered(&screen.contents()));
    assert!(screen.terminal.screen().hide_cursor());
}

#[test]
fn finished_steps_scroll_up_above_what_runs() {
    let mut screen = Screen::new(80, 24);
    screen.until("success", 74_000);
    insta::assert_snapshot!(numbered(&screen.contents()));
}

#[test]
fn a_narrow_terminal_cuts_lines_and_never_half_a_wide_character() {
    let mut screen = Screen::new(30, 10);
    screen.until("success", 74_000);
    insta::assert_snapshot!(numbered(&screen.contents()));
}

/// The moments at which most is on the screen: while all is brought, while all compiles, and at the end.
#[test]
fn what_tools_count_shows_at_every_width() {
    for columns in [60, 80, 100] {
        let mut screen = Screen::new(columns, 40);
        for at_ms in [3_600, 94_700, u64::MAX - 100] {
            let before = screen.at_ms;
            for event in stream("counting").iter().filter(|event| {
                (event.at_ms <= at_ms && event.at_ms > before) || (before == 0 && event.at_ms == 0)
            }) {
                screen.event(event);
            }
            screen.at_ms = at_ms;
            screen.tick(at_ms + 100);
            if at_ms > 100_000 {
                screen.finish();
            }
            let name = format!(
                "counting-{columns}-{}",
                if at_ms > 100_000 { "end".to_owned() } else { at_ms.to_string() }
            );
            let contents = screen.contents();
            insta::assert_snapshot!(name, numbered(&contents));
            // The screen itself never had to break a line; what is to be pasted keeps its length.
            let parser = screen.terminal.screen();
            for row in (0..40).filter(|row| parser.row_wrapped(*row)) {
                let line: String = parser.rows(0, columns).nth(usize::from(row)).unwrap();
                assert!(line.contains("command: "), "{columns}: {line}");
            }
        }
    }
}

#[test]
fn the_last_line_is_one_that_says_something() {
    let mut screen = Screen::new(80, 24);
    screen.until("counting", 94_700);
    let contents = screen.contents();
    assert!(contents.contains("155/200: warning: unused variable: `state`"), "{contents}");
    assert!(!contents.contains("++++") && !contents.contains("^^^"), "{contents}");
}

#[test]
fn a_step_has_the_same_words_while_it_runs_and_when_it_is_done() {
    let mut screen = Screen::new(80, 40);
    screen.until("counting", 3_600);
    assert!(screen.contents().contains("   3.6 s  fetch the source of opencv\n"), "{}", screen.contents());
    let mut screen = Screen::new(80, 40);
    screen.until("counting", 32_500);
    let done = "  29.9 s  done  fetch the source of opencv  82.3 MiB, 3 files\n";
    assert!(screen.contents().contains(done), "{}", screen.contents());
}

#[test]
fn a_warning_is_told_once_whatever_says_it_and_in_how_many_phases() {
    let mut screen = Screen::new(200, 100);
    screen.until("counting", u64::MAX - 100);
    screen.finish();
    let contents = screen.contents();
    assert_eq!(contents.matches("numpy 2.2 and opencv 4.10").count(), 1, "{contents}");
    assert_eq!(contents.matches("failed to update the package lists").count(), 1, "{contents}");
    assert!(contents.contains("2 warnings above"), "{contents}");
}

#[test]
fn a_low_terminal_shows_as_many_running_steps_as_fit() {
    for rows in 1..8 {
        let mut screen = Screen::new(60, rows);
        screen.until("success", 1300);
        screen.tick(1600);
        let contents = screen.contents();
        // Drawing again must not have pushed the heading up: it is there once.
        assert_eq!(
            contents.matches("deps: 0 of 4 done").count(),
            usize::from(rows > 1),
            "{rows}: {contents}"
        );
        assert!(screen.terminal.screen().cursor_position().0 < rows, "{rows}");
    }
}

#[test]
fn every_run_leaves_a_visible_cursor_and_its_summary() {
    for name in STREAMS {
        let mut screen = Screen::new(100, 60);
        screen.until(name, u64::MAX - 100);
        screen.finish();
        assert!(!screen.terminal.screen().hide_cursor(), "{name}");
        insta::assert_snapshot!(format!("terminal-{name}"), numbered(&screen.contents()));
    }
}

#[test]
fn a_run_that_ends_without_saying_so_leaves_the_terminal_sane() {
    let mut screen = Screen::new(80, 24);
    screen.until("cancelled", 1500);
    assert!(screen.contents().contains("cancelling (SIGINT), ending 2 steps"), "{}", screen.contents());
    screen.finish();
    assert!(!screen.terminal.screen().hide_cursor());
    assert!(screen.contents().contains("ended without a result"), "{}", screen.contents());
    assert!(!screen.contents().contains("cancelling (SIGINT), ending"), "{}", screen.contents());
}

#[test]
fn the_restore_sequence_shows_the_cursor_again() {
    let mut screen = Screen::new(80, 24);
    screen.until("success", 1300);
    assert!(screen.terminal.screen().hide_cursor());
    screen.terminal.process(RESTORE.as_bytes());
    assert!(!screen.terminal.screen().hide_cursor());
}

#[test]
fn a_run_with_nothing_to_do_draws_nothing_but_its_summary() {
    let mut renderer = renderer(Kind::Terminal(Size::default()), options(false, false));
    let mut out = Vec::new();
    for event in stream("nothing-to-do") {
        renderer.event(&event, &mut out).unwrap();
    }
    renderer.finish(&mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(!text.contains('\x1b'), "{text:?}");
    assert!(text.starts_with("deps: nothing to do"), "{text:?}");
}

#[test]
fn it_redraws_at_most_ten_times_a_second_however_much_is_printed() {
    let mut renderer = renderer(Kind::Terminal(Size::default()), options(false, false));
    let mut out = Vec::new();
    let events = stream("success");
    for event in events.iter().take_while(|event| !matches!(event.event, Event::Output { .. })) {
        renderer.event(event, &mut out).unwrap();
    }
    let output = events.iter().find(|event| matches!(event.event, Event::Output { .. })).unwrap();
    out.clear();
    for n in 0..10_000 {
        renderer.event(&Timed { at_ms: 1000 + n / 10, ..output.clone() }, &mut out).unwrap();
    }
    let redraws = String::from_utf8(out).unwrap().matches("\x1b[?2026h").count();
    assert!((9..=11).contains(&redraws), "{redraws}");
}

#[test]
fn a_terminal_that_becomes_narrower_keeps_one_region() {
    let mut screen = Screen::new(100, 24);
    screen.until("success", 1300);
    // The lines that stand there are wrapped by the terminal; vt100 does not do that, so it is done by hand.
    let wrapped: String = screen
        .contents()
        .lines()
        .flat_map(|line| {
            line.as_bytes().chunks(50).map(|part| String::from_utf8_lossy(part).into_owned() + "\r\n")
        })
        .collect();
    screen.size.columns = 50;
    screen.terminal = vt100::Parser::new(24, 50, 0);
    screen.terminal.process(wrapped.as_bytes());
    screen.tick(2000);
    assert_eq!(screen.contents().matches("deps: 0 of 4 done").count(), 1, "{}", screen.contents());
    assert!(screen.contents().starts_with("   2.0 s  deps:"), "{}", screen.contents());
}

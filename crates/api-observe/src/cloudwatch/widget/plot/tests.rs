//! What is scaled to which axis, and that everything can be drawn.

use super::*;

#[test]
fn pictures_of_any_size_and_data_are_drawn() {
    let line = |points: Vec<(i64, f64)>| Line { label: "l".repeat(500), pen: None, points, period: 60 };
    for (width, height) in [(1, 1), (20, 2000), (2000, 20), (600, 400)] {
        for stacked in [false, true] {
            let picture = Picture {
                width,
                height,
                title: "ü title ".repeat(40),
                from: 0,
                until: 3600,
                lines: vec![
                    line(Vec::new()),
                    Line { pen: on(Side::Right), ..line(vec![(60, 1.0), (120, 2e9)]) },
                    line(vec![(60, 1.0)]),
                    line((0..60).map(|index| (index * 60, (index as f64 - 30.0) * 1e100)).collect()),
                ],
                stacked,
                left: Axis { label: "Percent".into(), ..Axis::default() },
                right: Axis { label: "Seconds".into(), ..Axis::default() },
                thresholds: vec![Threshold {
                    value: 0.0,
                    label: "limit".into(),
                    color: None,
                    side: Side::Left,
                }],
                legend: true,
                ..Picture::default()
            };
            let png = draw(&picture);
            assert_eq!(&png[1..4], b"PNG");
            assert_eq!(&png[16..24], [width.to_be_bytes(), height.to_be_bytes()].concat());
        }
    }
}

fn on(side: Side) -> Option<Pen> {
    Some(Pen { color: None, side })
}

fn scaled(lines: &[(Side, f64)], thresholds: &[(Side, f64)], stacked: bool) -> Vec<(Side, f64, f64)> {
    let line = |(side, value): &(Side, f64)| Line {
        label: String::new(),
        pen: on(*side),
        points: vec![(0, *value), (60, *value)],
        period: 60,
    };
    let threshold = |(side, value): &(Side, f64)| Threshold {
        value: *value,
        label: String::new(),
        color: None,
        side: *side,
    };
    let picture = Picture {
        lines: lines.iter().map(line).collect(),
        thresholds: thresholds.iter().map(threshold).collect(),
        right: Axis { min: Some(-10.0), ..Axis::default() },
        stacked,
        ..Picture::default()
    };
    scales(&picture, &shapes(&picture)).iter().map(|scale| (scale.side, scale.low, scale.high)).collect()
}

#[test]
fn each_axis_covers_what_is_scaled_to_it() {
    use Side::{Left, Right};
    for (lines, thresholds, stacked, expect) in [
        (vec![], vec![], false, vec![(Left, 0.0, 1.05)]),
        (vec![(Left, 20.0)], vec![], false, vec![(Left, 0.0, 21.0)]),
        (vec![(Right, 20.0)], vec![], false, vec![(Right, -10.0, 21.0)]),
        (vec![(Right, 4000.0), (Left, 20.0)], vec![], false, vec![(Left, 0.0, 21.0), (Right, -10.0, 4200.0)]),
        (vec![(Left, 20.0)], vec![(Right, 200.0)], false, vec![(Left, 0.0, 21.0), (Right, -10.0, 210.0)]),
        (
            vec![(Left, 20.0), (Right, 400.0), (Left, 20.0), (Right, 400.0)],
            vec![],
            true,
            vec![(Left, 0.0, 42.0), (Right, -10.0, 840.0)],
        ),
    ] {
        assert_eq!(scaled(&lines, &thresholds, stacked), expect, "{lines:?} {thresholds:?}");
    }
}

#[test]
fn a_line_stands_where_its_own_axis_says() {
    let picture = Picture { width: 600, height: 400, until: 3600, ..Picture::default() };
    let scales = vec![
        Scale { side: Side::Left, low: 0.0, high: 10.0 },
        Scale { side: Side::Right, low: 0.0, high: 1e6 },
    ];
    let canvas = Canvas::new(picture.width, picture.height);
    let both = Frame::new(&canvas, &picture, scales.clone(), 0);
    for (left, right) in [(0.0, 0.0), (5.0, 5e5), (10.0, 1e6)] {
        assert_eq!(both.y(Side::Left, left), both.y(Side::Right, right), "{left} {right}");
    }
    let alone = Frame::new(&canvas, &picture, scales[..1].to_vec(), 0);
    assert!(both.right < alone.right && both.left == alone.left, "marks need room");
}

use super::*;

fn one_to(last: u32) -> Summary {
    let mut all = Summary::repeated(1.0, 1.0);
    (2..=last).for_each(|value| all.merge(&Summary::repeated(f64::from(value), 1.0)));
    all
}

#[test]
fn statistics_of_one_to_a_hundred() {
    let all = one_to(100);
    for (text, expect) in [
        ("SampleCount", 100.0),
        ("Average", 50.5),
        ("Sum", 5050.0),
        ("Minimum", 1.0),
        ("Maximum", 100.0),
        ("p0", 1.0),
        ("p50", 50.0),
        ("p99", 99.0),
        ("p99.5", 100.0),
        ("p100", 100.0),
        ("tm90", 45.5),
        ("TM(10%:90%)", 50.5),
        ("TM(:90%)", 45.5),
        ("TM(90:)", 95.5),
        ("TM(10:20)", 15.5),
        ("IQM", 50.5),
        ("wm90", (4095.0 + 900.0) / 100.0),
        ("WM(10%:90%)", (4040.0 + 100.0 + 900.0) / 100.0),
        ("WM(10:90)", (4040.0 + 100.0 + 900.0) / 100.0),
        ("tc90", 90.0),
        ("TC(20:30)", 10.0),
        ("TC(:20)", 20.0),
        ("ts10", 55.0),
        ("TS(98:)", 199.0),
        ("TS(80%:)", 1810.0),
        ("PR(:20)", 20.0),
        ("PR(20:30)", 10.0),
        ("PR(97:)", 3.0),
    ] {
        let stat = Stat::parse(text).expect(text);
        let found = stat.of(&all).expect(text);
        assert!((found - expect).abs() < 1e-9, "{text} is {found}, not {expect}");
        assert_eq!(Stat::parse(&stat.to_string()), Ok(stat));
        assert_eq!(
            stat.needs_distribution(),
            !text.starts_with(char::is_uppercase) || text.contains('(') || text == "IQM"
        );
    }
}

#[test]
fn sketches_are_wrong_by_one_percent_at_most() {
    let all = one_to(5000);
    for part in 1..=100 {
        let found = Stat::Percentile(f64::from(part)).of(&all).expect("a percentile");
        let expect = f64::from(part) * 50.0;
        assert!((found - expect).abs() <= expect * 0.0101, "p{part} is {found}, not {expect}");
    }
}

#[test]
fn what_is_no_statistic_is_refused() {
    for text in [
        "",
        "average",
        "p",
        "p101",
        "pinf",
        "p-1",
        "p1e1",
        "p.5",
        "tm",
        "TM",
        "TM()",
        "TM(:)",
        "TM(10%:90)",
        "TM(90%:10%)",
        "PR(10%:90%)",
        "PR(10)",
        "IQM1",
        "xx99",
        "TM(a:b)",
        "TM(10%:101%)",
    ] {
        assert!(Stat::parse(text).is_err(), "{text}");
    }
}

#[test]
fn without_a_distribution_only_totals_are_known() {
    let mut all = one_to(10);
    all.distribution = super::super::summary::Distribution::Unknown;
    assert_eq!(Stat::Average.of(&all), Some(5.5));
    for text in ["p50", "IQM", "tm99", "PR(1:2)"] {
        assert_eq!(Stat::parse(text).expect(text).of(&all), None);
    }
    assert_eq!(Stat::parse("TM(500:)").expect("a statistic").of(&one_to(10)), None);
}

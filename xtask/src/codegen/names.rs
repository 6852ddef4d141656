//! From the names of a model to the names of Rust.

use std::collections::BTreeSet;

/// Words that can't name a field or are better not used for one.
const KEYWORDS: &[&str] = &[
    "as", "async", "await", "box", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern",
    "false", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut",
    "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true", "type", "unsafe", "use",
    "where", "while", "yield",
];

/// Type names that generated code uses itself.
const TAKEN_TYPES: &[&str] = &[
    "BTreeMap",
    "Box",
    "Bytes",
    "DecodeError",
    "Default",
    "Document",
    "Err",
    "Instant",
    "ListSchema",
    "Location",
    "MapSchema",
    "MemberSchema",
    "Members",
    "None",
    "Ok",
    "Option",
    "Result",
    "ServiceError",
    "Shape",
    "ShapeReader",
    "ShapeWriter",
    "Some",
    "String",
    "StructureSchema",
    "Target",
    "TimestampFormat",
    "Vec",
];

/// `enableECSManagedTags` becomes `enable_ecs_managed_tags`.
pub fn snake_case(name: &str) -> String {
    words(name).join("_")
}

/// A field's name.
pub fn field(name: &str) -> String {
    let snake = snake_case(name);
    match snake.as_str() {
        "self" | "super" | "crate" => format!("{snake}_"),
        word if KEYWORDS.contains(&word) => format!("r#{word}"),
        _ => snake,
    }
}

/// A static's name.
pub fn constant(name: &str) -> String {
    snake_case(name).to_uppercase()
}

/// The type of a shape; the model's own name wherever Rust allows it.
pub fn type_name(shape: &str) -> String {
    let mut name = shape.to_owned();
    if let Some(first) = name.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    if TAKEN_TYPES.contains(&name.as_str()) {
        name.push_str("Shape");
    }
    name
}

/// The variants of an enum, in the order of its values. `Other` is ours.
pub fn variants(values: &[String]) -> Vec<String> {
    let mut taken: BTreeSet<String> = BTreeSet::from(["Other".to_owned()]);
    values
        .iter()
        .map(|value| {
            let plain = variant(value);
            let mut name = plain.clone();
            let mut number = 2;
            while !taken.insert(name.clone()) {
                name = format!("{plain}{number}");
                number += 1;
            }
            name
        })
        .collect()
}

fn variant(value: &str) -> String {
    let spelled: String = words(value).iter().map(|word| capitalised(word)).collect();
    match spelled.chars().next() {
        None => "Empty".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("V{spelled}"),
        Some(_) if spelled == "Self" => "SelfValue".to_owned(),
        Some(_) => spelled,
    }
}

fn capitalised(word: &str) -> String {
    let mut characters = word.chars();
    match characters.next() {
        Some(first) => first.to_ascii_uppercase().to_string() + characters.as_str(),
        None => String::new(),
    }
}

/// The lower-case words of a name in any of the styles that models use.
fn words(name: &str) -> Vec<String> {
    let name = name.replace("IPv", "Ipv").replace("vCPU", "Vcpu").replace("GiB", "Gib").replace("MiB", "Mib");
    let characters: Vec<char> = name.chars().collect();
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for (at, &character) in characters.iter().enumerate() {
        if !character.is_ascii_alphanumeric() {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            continue;
        }
        if starts_word(&characters, at) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        word.push(character.to_ascii_lowercase());
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

fn starts_word(characters: &[char], at: usize) -> bool {
    let character = characters[at];
    if at == 0 || !character.is_ascii_uppercase() {
        return false;
    }
    let before = characters[at - 1];
    if before.is_ascii_lowercase() || before.is_ascii_digit() {
        return true;
    }
    // Inside a run of capitals a word starts only at its last one: `ECSManaged`. A plural's `s` ends the run:
    // `ARNs`.
    match characters.get(at + 1) {
        Some('s') => characters.get(at + 2).is_some_and(char::is_ascii_lowercase),
        Some(next) => next.is_ascii_lowercase(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_words() {
        for (name, expected) in [
            ("clusterArn", "cluster_arn"),
            ("enableECSManagedTags", "enable_ecs_managed_tags"),
            ("taskARNs", "task_arns"),
            ("Ipv6CidrBlock", "ipv6_cidr_block"),
            ("IPv6Native", "ipv6_native"),
            ("KMSKeyId", "kms_key_id"),
            ("EC2InstanceId", "ec2_instance_id"),
            ("SSEKMSKeyId", "ssekms_key_id"),
            ("x-amz-meta", "x_amz_meta"),
        ] {
            assert_eq!(snake_case(name), expected);
        }
        assert_eq!(field("type"), "r#type");
        assert_eq!(type_name("string"), "StringShape");
    }

    #[test]
    fn variants_are_distinct() {
        let values = ["FARGATE_SPOT", "awsvpc", "UNKNOWN", "other", "1.4.0", "a-b", "A_B"];
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        assert_eq!(variants(&values), ["FargateSpot", "Awsvpc", "Unknown", "Other2", "V140", "AB", "AB2"]);
    }
}

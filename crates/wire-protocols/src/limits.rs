//! Every limit of the wire, by name.

/// The largest request body of any API call. An ECR layer part is 20 MiB before base64; less would refuse it,
/// much more would let one caller hold the memory of many. Whoever reads the body enforces it.
pub const REQUEST_BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How deep structures, lists and maps may nest. Every reader recurses, so this is what protects the stack.
pub const NESTING_DEPTH_MAX: usize = 64;

/// Elements of one list, or entries of one map. PutLogEvents allows 10,000; handlers refuse earlier with
/// AWS's words.
pub const LIST_ELEMENTS_MAX: usize = 20_000;

/// Parameters of one query-protocol request; EC2 allows 1,000 rules of about six parameters each.
pub const QUERY_PARAMETERS_MAX: usize = 20_000;

/// Dots in one parameter's name. Real ones have a dozen; each costs a node of the tree.
pub const QUERY_DEPTH_MAX: usize = 32;

/// Characters of one number. Longer ones can't be a value of any of the model's types.
pub const NUMBER_CHARACTERS_MAX: usize = 64;

/// Elements of one XML document.
pub const XML_ELEMENTS_MAX: usize = 100_000;

/// Derived signing keys kept; each is used for a day by one credential in one region and service.
pub const SIGNING_KEYS_MAX: usize = 4096;

/// Headers that a signature may cover.
pub const SIGNED_HEADERS_MAX: usize = 128;

//! The form of every enum on the wire.

/// Declares an open enum: the model's values, and `Other` for one that the model does not (yet) have, so that
/// an unknown value reaches the handler, which refuses it with the service's own words.
#[macro_export]
macro_rules! open_enum {
    ($name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($variant,)*
            Other(String),
        }

        impl $name {
            /// The model's values, in the model's order.
            pub const VALUES: &'static [&'static str] = &[$($text),*];

            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(text) => text,
                }
            }

            /// Whether the value is one of the model's.
            pub fn is_known(&self) -> bool {
                !matches!(self, Self::Other(_))
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)*
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                match text.as_str() {
                    $($text => Self::$variant,)*
                    _ => Self::Other(text),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl $crate::Value for $name {
            fn write(&self, writer: &mut dyn $crate::ShapeWriter, member: &'static $crate::MemberSchema) {
                writer.string(member, self.as_str());
            }

            fn read(
                reader: &mut dyn $crate::ShapeReader,
                member: &'static $crate::MemberSchema,
            ) -> Result<Self, $crate::DecodeError> {
                reader.string(member).map(Self::from)
            }
        }
    };
}

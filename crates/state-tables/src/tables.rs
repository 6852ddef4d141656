//! Every table there is. A new record gets one line here.

use state_model::record::{DecodeError, Record};
use state_store::{Revision, WatchBatch};

use crate::table::Table;

macro_rules! tables {
    ($($field:ident: $record:ty,)*) => {
        /// An immutable snapshot of all state at one revision. Cloning shares everything.
        #[derive(Clone, Debug, Default)]
        pub struct View {
            pub revision: Revision,
            $(pub $field: Table<$record>,)*
        }

        impl View {
            /// Applies one stored key (without its table prefix) to the table named `table`.
            pub(crate) fn apply_key(
                &mut self,
                table: &str,
                key: &str,
                value: Option<&[u8]>,
                revision: Revision,
            ) -> Result<(), DecodeError> {
                match table {
                    $(<$record as Record>::TABLE => self.$field.apply(key, value, revision),)*
                    // A table of a newer version of the program: kept as it is, not shown.
                    _ => Ok(()),
                }
            }

            #[cfg(test)]
            pub(crate) fn table_names() -> Vec<&'static str> {
                vec![$(<$record as Record>::TABLE,)*]
            }
        }

        $(impl InView for $record {
            fn table(view: &View) -> &Table<Self> {
                &view.$field
            }
        })*
    };
}

/// A record that has its table in the [`View`].
pub trait InView: Record {
    fn table(view: &View) -> &Table<Self>
    where
        Self: Sized;
}

tables! {
    // ECS
    task_intents: state_model::ecs::task::TaskIntent,
    task_placements: state_model::ecs::task::TaskPlacement,
    task_observations: state_model::ecs::task::TaskObservation,
    // ECR
    // EC2
    // Logs
    // IAM
}

impl View {
    pub(crate) fn apply_batch(&mut self, batch: &WatchBatch) -> Result<(), DecodeError> {
        for change in batch.changes.iter() {
            self.apply_stored(&change.key, change.value.as_deref(), batch.revision)?;
        }
        self.revision = batch.revision;
        Ok(())
    }

    /// `stored_key` is `table/key`. Keys of another form aren't ours and are left alone.
    pub(crate) fn apply_stored(
        &mut self,
        stored_key: &[u8],
        value: Option<&[u8]>,
        revision: Revision,
    ) -> Result<(), DecodeError> {
        let Ok(text) = std::str::from_utf8(stored_key) else { return Ok(()) };
        match text.split_once('/') {
            Some((table, key)) => self.apply_key(table, key, value, revision),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::View;

    #[test]
    fn no_two_records_share_a_table() {
        let mut names = View::table_names();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(names.iter().all(|name| !name.contains('/')));
    }
}

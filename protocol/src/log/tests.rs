//! The rules of the logs, with real signatures and a membership log that is a table.

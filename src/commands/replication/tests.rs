//! Transcripts of the commands of replication. Replies are those of Valkey 9.1.

use crate::testkit::check_plain;

#[test]
fn role_of_a_primary() {
    check_plain(
        "> ROLE     | [ \"master\" :0 [ ] ]
         > ROLE x   | -ERR wrong number of arguments for 'role' command",
    );
}

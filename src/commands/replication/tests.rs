//! Transcripts of the commands of replication. Replies are those of Valkey 9.1.

use crate::testkit::check_plain;

#[test]
fn role_of_a_primary() {
    check_plain(
        "> ROLE     | [ \"master\" :0 [ ] ]
         > ROLE x   | -ERR wrong number of arguments for 'role' command",
    );
}

#[test]
fn what_replicas_say_of_themselves() {
    check_plain(
        "> REPLCONF                         | +OK
         > REPLCONF a                       | -ERR syntax error
         > REPLCONF listening-port x        | -ERR value is not an integer or out of range
         > REPLCONF capa eof capa foo       | +OK
         > REPLCONF rdb-only 2              | -ERR value is out of range, value must between 0 and 1
         > REPLCONF rdb-only 1              | +OK
         > REPLCONF version 1.2             | -ERR Unrecognized version format: 1.2
         > REPLCONF version 9.1.300         | -ERR Unrecognized version format: 9.1.300
         > REPLCONF version 9.1.0           | +OK
         > REPLCONF rdb-filter-only x       | -ERR Unsupported rdb-filter-only option: x
         > REPLCONF rdb-channel 3           | -ERR value is out of range, value must between 0 and 1
         > REPLCONF set-rdb-client-id 3     | -ERR Unrecognized RDB client id 3
         > REPLCONF set-rdb-client-id x     | -ERR value is not an integer or out of range
         > REPLCONF set-cluster-node-id x   | -ERR This instance has cluster support disabled
         > REPLCONF nonsense x              | -ERR Unrecognized REPLCONF option: nonsense
         > REPLCONF ack 3                   | (none)
         > REPLCONF getack *                | (none)",
    );
}

#[test]
fn following_and_ceasing_to() {
    check_plain(
        "> REPLICAOF a b                    | -ERR Invalid master port
         > REPLICAOF a 99999                | -ERR Invalid master port
         > REPLICAOF no two                 | -ERR Invalid master port
         > SLAVEOF NO ONE                   | +OK
         > REPLICAOF somewhere 1234         | +OK
         > REPLICAOF Somewhere 1234         | +OK Already connected to specified master
         > ROLE                             | [ \"slave\" \"somewhere\" :1234 \"connecting\" :-1 ]
         > CONFIG GET replicaof             | [ \"replicaof\" \"somewhere 1234\" ]
         > SET k v                          | -READONLY You can't write against a read only replica.
         > CONFIG SET replica-read-only no  | +OK
         > SET k v                          | +OK
         > FAILOVER                         | -ERR FAILOVER is not valid when server is a replica.
         > PSYNC ? -1                       | -NOMASTERLINK Can't SYNC while not connected with my master
         > PSYNC ? -1 FAILOVER              | -ERR PSYNC FAILOVER replid must match my replid.
         > SLAVEOF NO ONE                   | +OK
         > ROLE                             | [ \"master\" :0 [ ] ]
         > GET k                            | \"v\"",
    );
}

#[test]
fn clients_that_can_go_to_the_primary_are_sent_there() {
    check_plain(
        "> CLIENT CAPA REDIRECT             | +OK
         > BLPOP l 0                        | (none)
         c2> READONLY                       | +OK
         c2> CLIENT CAPA REDIRECT           | +OK
         c2> XREAD BLOCK 0 STREAMS st $     | (none)
         c3> MULTI                          | +OK
         c3> SET k v                        | +QUEUED
         c4> REPLICAOF h 1                  | +OK
         > PING
         -REDIRECT h:1 +PONG
         > GET k                            | -REDIRECT h:1
         > READONLY                         | +OK
         > GET k                            | nil
         > SET k v                          | -REDIRECT h:1
         > MULTI                            | +OK
         > READWRITE                        | +QUEUED
         > EXEC                             | [ +OK ]
         > GET k                            | -REDIRECT h:1
         c3> EXEC                           | -EXECABORT Transaction discarded because of: READONLY You can't write against a \
          read only replica.
         c2< (none)",
    );
}

#[test]
fn handing_over_and_synchronizing() {
    check_plain(
        "> FAILOVER                         | -ERR FAILOVER requires connected replicas.
         > FAILOVER ABORT                   | -ERR No failover in progress.
         > FAILOVER TIMEOUT 0               | -ERR FAILOVER timeout must be greater than 0
         > FAILOVER TIMEOUT x               | -ERR value is not an integer or out of range
         > FAILOVER TO a b                  | -ERR value is not an integer or out of range
         > FAILOVER TO a                    | -ERR syntax error
         > FAILOVER FORCE                   | -ERR FAILOVER requires connected replicas.
         > FAILOVER x                       | -ERR syntax error
         > PSYNC a x                        | -ERR value is not an integer or out of range
         > PSYNC a 1 FAILOVER               | -ERR PSYNC FAILOVER can't be sent to a master.
         > REPLCONF rdb-filter-only functions | +OK
         > SYNC                             | -ERR Filtered replica requires EOF capability",
    );
}

#[test]
fn waiting_for_replicas() {
    check_plain(
        "> WAIT 0 0 | :0
         > WAIT -1 0 | :0
         > WAIT 0 -1 | -ERR timeout is negative
         > WAIT x 1 | -ERR value is not an integer or out of range
         > WAIT 0 x | -ERR timeout is not an integer or out of range
         > WAIT 0 9223372036854775807 | -ERR timeout is out of range
         > WAIT 1 10 | (none)
         c2> PING | +PONG
         @ +9ms
         > PING | (none)
         @ +1ms
         > PING
         :0 +PONG +PONG",
    );
}

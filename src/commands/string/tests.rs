use crate::testkit::check;

#[test]
fn set_and_get() {
    check(
        "> SET k v | +OK
         > GET k   | \"v\"
         > GET no  | nil
         > SET n 10 | +OK
         > INCR n  | :11
         > INCR k  | -ERR value is not an integer or out of range
         > GET     | -ERR wrong number of arguments for 'get' command",
    );
}

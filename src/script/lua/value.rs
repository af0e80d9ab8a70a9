//! Values, and how a call fails.

/// A value. What is not a number or so lies in the heap, named by its index.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Value {
    #[default]
    Nil,
    Bool(bool),
    Num(f64),
    Str(StrId),
    Table(TableId),
    Func(FuncId),
    /// A function of a library, by its place in the list of them.
    Native(u16),
    Thread(ThreadId),
    /// `cjson.null`: in JSON nothing, in Lua something.
    Null,
    /// A variable that closures share; only in registers and upvalues, no script ever sees it.
    Cell(CellId),
}

macro_rules! ids {
    ($($name:ident)*) => {$(
        /// An index into its slab.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name(pub u32);
    )*};
}
ids!(StrId TableId FuncId ThreadId CellId);

impl Value {
    /// Everything but nil and false.
    #[inline]
    pub fn truthy(self) -> bool {
        !matches!(self, Value::Nil | Value::Bool(false))
    }

    /// As `type` names it.
    pub fn type_name(self) -> &'static str {
        match self {
            Value::Nil => "nil",
            Value::Bool(_) => "boolean",
            Value::Num(_) => "number",
            Value::Str(_) => "string",
            Value::Table(_) => "table",
            Value::Func(_) | Value::Native(_) => "function",
            Value::Thread(_) => "thread",
            Value::Cell(_) | Value::Null => "userdata",
        }
    }
}

/// Why a call ended early.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// An error with its value: `pcall` catches it.
    Error(Value),
    /// The host wants the script to end: nothing catches it.
    Killed,
    /// A coroutine pauses: seen by `resume` only.
    Yield,
}

/// What a call gives.
pub type Res<T = ()> = Result<T, Fault>;

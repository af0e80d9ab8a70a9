//! The tree of a source, names resolved: every variable is a local of its function, one captured from outside, or global.

use std::rc::Rc;

/// A text of the source.
pub type Name = Rc<[u8]>;

/// Operators of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bin {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Concat,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    And,
    Or,
}

/// Operators of one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Un {
    Neg,
    Not,
    Len,
}

/// An expression. Lines are those that errors name.
#[derive(Debug)]
pub enum Expr {
    Nil,
    True,
    False,
    Num(f64),
    Str(Name),
    Vararg,
    Func(Box<Body>),
    /// A local of the function, by its number.
    Local(usize),
    /// A variable of a function around it, by its place in the list of captured ones.
    Up(usize),
    Global(Name),
    Index(Box<(Expr, Expr)>, u32),
    Call(Box<(Expr, Vec<Expr>)>, u32),
    Method(Box<(Expr, Name, Vec<Expr>)>, u32),
    Bin(Bin, Box<(Expr, Expr)>, u32),
    Un(Un, Box<Expr>, u32),
    /// Values with keys, and without.
    Table(Vec<(Option<Expr>, Expr)>, u32),
    /// In parentheses: one value.
    Paren(Box<Expr>),
}

/// A statement.
#[derive(Debug)]
pub enum Stat {
    Local(Vec<usize>, Vec<Expr>, u32),
    Assign(Vec<Expr>, Vec<Expr>, u32),
    Call(Expr, u32),
    Do(Vec<Stat>),
    While(Expr, Vec<Stat>, u32),
    Repeat(Vec<Stat>, Expr, u32),
    /// Conditions with their blocks, and the last block.
    If(Vec<(Expr, Vec<Stat>, u32)>, Option<Vec<Stat>>),
    /// Variable; from, to, step.
    For(usize, Box<(Expr, Expr, Option<Expr>)>, Vec<Stat>, u32),
    ForIn(Vec<usize>, Vec<Expr>, Vec<Stat>, u32),
    /// `local function`.
    LocalFunc(usize, Box<Body>, u32),
    Return(Vec<Expr>, u32),
    Break(u32),
}

/// A local variable.
#[derive(Debug)]
pub struct Local {
    pub name: Name,
    /// A function inside uses it.
    pub captured: bool,
}

/// A variable captured from the function around.
#[derive(Debug)]
pub struct Capture {
    pub name: Name,
    /// A local of that function, or one captured by it.
    pub local: bool,
    pub index: usize,
}

/// A function.
#[derive(Debug, Default)]
pub struct Body {
    /// Its first locals are parameters.
    pub params: usize,
    pub vararg: bool,
    /// It has a parameter `arg`, as `...` was not used: the reference makes a table of what is left.
    pub locals: Vec<Local>,
    pub captures: Vec<Capture>,
    pub block: Vec<Stat>,
    pub line: u32,
    pub end_line: u32,
}

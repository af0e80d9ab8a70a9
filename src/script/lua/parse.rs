//! Tokens to a tree. Recursion is bounded twice: nested constructs as the reference interpreter bounds them, and the
//! depth of expressions, which chains like `a+a+a` deepen without nesting.

use std::rc::Rc;

use super::SYNTAX_DEPTH_MAX;
use super::ast::{Bin, Body, Capture, Expr, Local, Name, Stat, Un};
use super::lex::{Error, Lexer, Token};

/// Depth of the tree: every function that walks it recurses this deep at the most.
const TREE_DEPTH_MAX: u32 = 400;
/// Local variables of a function (`LUAI_MAXVARS`).
const LOCALS_MAX: usize = 200;
/// Captured variables of a function (`LUAI_MAXUPVALUES`).
const CAPTURES_MAX: usize = 60;

type R<T> = Result<T, Error>;

/// A function that is being read.
#[derive(Default)]
struct Scope {
    body: Body,
    /// Locals in sight: name and number.
    visible: Vec<(Name, usize)>,
    loops: usize,
}

/// Reads a source.
pub struct Parser<'a> {
    lex: Lexer<'a>,
    token: Token,
    ahead: Option<Token>,
    ahead_line: u32,
    line: u32,
    /// Where the token before ended.
    last_line: u32,
    scopes: Vec<Scope>,
    level: u32,
    /// Depth of the expression read last, and most of the function so far.
    depth: u32,
    deepest: u32,
}

/// Reads a whole source as a function of varargs.
pub fn parse(source: &[u8], chunk: &str) -> R<Body> {
    let lex = Lexer::new(source, chunk);
    let scope = Scope { body: Body { vararg: true, ..Body::default() }, ..Scope::default() };
    let mut p = Parser {
        lex,
        token: Token::End,
        ahead: None,
        ahead_line: 1,
        line: 1,
        last_line: 1,
        scopes: vec![scope],
        level: 0,
        depth: 0,
        deepest: 0,
    };
    p.advance()?;
    let block = p.block()?;
    if p.token != Token::End {
        return Err(p.wrong("'<eof>' expected"));
    }
    let mut body = p.scopes.pop().map(|s| s.body).unwrap_or_default();
    (body.block, body.end_line) = (block, p.line);
    Ok(body)
}

/// How tightly operators bind: to the left and to the right.
fn binding(word: &str) -> Option<(Bin, u8, u8)> {
    Some(match word {
        "+" => (Bin::Add, 6, 6),
        "-" => (Bin::Sub, 6, 6),
        "*" => (Bin::Mul, 7, 7),
        "/" => (Bin::Div, 7, 7),
        "%" => (Bin::Mod, 7, 7),
        "^" => (Bin::Pow, 10, 9),
        ".." => (Bin::Concat, 5, 4),
        "~=" => (Bin::Ne, 3, 3),
        "==" => (Bin::Eq, 3, 3),
        "<" => (Bin::Lt, 3, 3),
        "<=" => (Bin::Le, 3, 3),
        ">" => (Bin::Gt, 3, 3),
        ">=" => (Bin::Ge, 3, 3),
        "and" => (Bin::And, 2, 2),
        "or" => (Bin::Or, 1, 1),
        _ => return None,
    })
}

/// Of `not`, `#` and `-`.
const UNARY: u8 = 8;

impl Parser<'_> {
    fn advance(&mut self) -> R<()> {
        self.last_line = self.line;
        self.token = match self.ahead.take() {
            Some(t) => {
                self.line = self.ahead_line;
                t
            }
            None => {
                let t = self.lex.token()?;
                self.line = self.lex.line;
                t
            }
        };
        Ok(())
    }

    fn wrong(&self, message: &str) -> Error {
        self.lex.error_here(message, &self.token)
    }

    fn is(&self, word: &str) -> bool {
        matches!(self.token, Token::Word(w) if w == word)
    }

    fn eat(&mut self, word: &str) -> R<bool> {
        let found = self.is(word);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn need(&mut self, word: &str) -> R<()> {
        if self.eat(word)? { Ok(()) } else { Err(self.wrong(&format!("'{word}' expected"))) }
    }

    /// The word that closes what `open` opened on `line`.
    fn close(&mut self, word: &str, open: &str, line: u32) -> R<()> {
        if self.eat(word)? {
            return Ok(());
        }
        Err(if line == self.line {
            self.wrong(&format!("'{word}' expected"))
        } else {
            self.wrong(&format!("'{word}' expected (to close '{open}' at line {line})"))
        })
    }

    fn name(&mut self) -> R<Name> {
        match std::mem::replace(&mut self.token, Token::End) {
            Token::Name(n) => {
                self.advance()?;
                Ok(n)
            }
            other => {
                self.token = other;
                Err(self.wrong("'<name>' expected"))
            }
        }
    }

    fn enter(&mut self) -> R<()> {
        self.level += 1;
        if self.level > SYNTAX_DEPTH_MAX {
            return Err(self.lex.error("chunk has too many syntax levels", None));
        }
        Ok(())
    }

    /// Notes the depth of an expression whose parts are `parts` deep.
    fn deepen(&mut self, parts: u32) -> R<()> {
        self.depth = parts + 1;
        self.deepest = self.deepest.max(self.depth);
        if self.depth > TREE_DEPTH_MAX {
            return Err(self.lex.error("chunk has too many syntax levels", None));
        }
        Ok(())
    }

    fn scope(&mut self) -> &mut Scope {
        let last = self.scopes.len() - 1;
        &mut self.scopes[last]
    }

    /// Makes a local, not in sight yet.
    fn declare(&mut self, name: Name) -> R<usize> {
        let line = self.scope().body.line;
        if self.scope().visible.len() >= LOCALS_MAX {
            let what =
                if line == 0 { "main function".to_string() } else { format!("function at line {line}") };
            let message = format!("{what} has more than {LOCALS_MAX} local variables");
            return Err(self.lex.error(&message, None));
        }
        let locals = &mut self.scope().body.locals;
        locals.push(Local { name, captured: false });
        Ok(locals.len() - 1)
    }

    fn show(&mut self, local: usize) {
        let name = self.scope().body.locals[local].name.clone();
        self.scope().visible.push((name, local));
    }

    /// What a name stands for in function `at`: a local (true) or a captured variable, by number.
    fn find(&mut self, at: usize, name: &Name) -> R<Option<(bool, usize)>> {
        let scope = &mut self.scopes[at];
        if let Some((_, local)) = scope.visible.iter().rev().find(|(n, _)| n == name) {
            return Ok(Some((true, *local)));
        }
        if let Some(i) = scope.body.captures.iter().position(|c| c.name == *name) {
            return Ok(Some((false, i)));
        }
        if at == 0 {
            return Ok(None);
        }
        let Some((local, index)) = self.find(at - 1, name)? else { return Ok(None) };
        if local {
            self.scopes[at - 1].body.locals[index].captured = true;
        }
        let line = self.scopes[at].body.line;
        let captures = &mut self.scopes[at].body.captures;
        if captures.len() >= CAPTURES_MAX {
            let message = format!("function at line {line} has more than {CAPTURES_MAX} upvalues");
            return Err(self.lex.error(&message, None));
        }
        captures.push(Capture { name: name.clone(), local, index });
        Ok(Some((false, captures.len() - 1)))
    }

    fn variable(&mut self, name: Name) -> R<Expr> {
        self.depth = 0;
        Ok(match self.find(self.scopes.len() - 1, &name)? {
            Some((true, local)) => Expr::Local(local),
            Some((false, i)) => Expr::Up(i),
            None => Expr::Global(name),
        })
    }

    fn block_ends(&self) -> bool {
        self.token == Token::End || ["else", "elseif", "end", "until"].iter().any(|w| self.is(w))
    }

    /// Statements, with a scope of their own.
    fn block(&mut self) -> R<Vec<Stat>> {
        let visible = self.scope().visible.len();
        let stats = self.open_block()?;
        self.scope().visible.truncate(visible);
        Ok(stats)
    }

    /// Statements whose locals stay in sight.
    fn open_block(&mut self) -> R<Vec<Stat>> {
        self.enter()?;
        let mut stats = Vec::new();
        while !self.block_ends() {
            let last = self.is("return") || self.is("break");
            stats.push(self.statement()?);
            self.eat(";")?;
            if last {
                break;
            }
        }
        self.level -= 1;
        Ok(stats)
    }

    fn loop_block(&mut self) -> R<Vec<Stat>> {
        self.scope().loops += 1;
        let block = self.block()?;
        self.scope().loops -= 1;
        Ok(block)
    }

    fn statement(&mut self) -> R<Stat> {
        let line = self.line;
        let Token::Word(word) = self.token else { return self.expr_statement() };
        match word {
            "if" => self.if_statement(line),
            "while" => {
                self.advance()?;
                let condition = self.expr()?;
                self.need("do")?;
                let block = self.loop_block()?;
                self.close("end", "while", line)?;
                Ok(Stat::While(condition, block, line))
            }
            "do" => {
                self.advance()?;
                let block = self.block()?;
                self.close("end", "do", line)?;
                Ok(Stat::Do(block))
            }
            "for" => self.for_statement(line),
            "repeat" => {
                self.advance()?;
                let visible = self.scope().visible.len();
                self.scope().loops += 1;
                let block = self.open_block()?;
                self.scope().loops -= 1;
                self.close("until", "repeat", line)?;
                let condition = self.expr()?;
                self.scope().visible.truncate(visible);
                Ok(Stat::Repeat(block, condition, line))
            }
            "function" => self.function_statement(line),
            "local" => {
                self.advance()?;
                if self.eat("function")? { self.local_function(line) } else { self.local(line) }
            }
            "return" => {
                self.advance()?;
                let values = if self.block_ends() || self.is(";") { Vec::new() } else { self.exprs()? };
                Ok(Stat::Return(values, line))
            }
            "break" => {
                self.advance()?;
                if self.scope().loops == 0 {
                    return Err(self.wrong("no loop to break"));
                }
                Ok(Stat::Break(line))
            }
            _ => self.expr_statement(),
        }
    }

    fn if_statement(&mut self, line: u32) -> R<Stat> {
        let mut branches = Vec::new();
        loop {
            let at = self.line;
            self.advance()?;
            let condition = self.expr()?;
            self.need("then")?;
            branches.push((condition, self.block()?, at));
            if !self.is("elseif") {
                break;
            }
        }
        let last = if self.eat("else")? { Some(self.block()?) } else { None };
        self.close("end", "if", line)?;
        Ok(Stat::If(branches, last))
    }

    fn for_statement(&mut self, line: u32) -> R<Stat> {
        self.advance()?;
        let first = self.name()?;
        let visible = self.scope().visible.len();
        let stat = if self.eat("=")? {
            let from = self.expr()?;
            self.need(",")?;
            let to = self.expr()?;
            let step = if self.eat(",")? { Some(self.expr()?) } else { None };
            self.need("do")?;
            let local = self.declare(first)?;
            self.show(local);
            Stat::For(local, Box::new((from, to, step)), self.loop_block()?, line)
        } else if self.is(",") || self.is("in") {
            let mut locals = vec![self.declare(first)?];
            while self.eat(",")? {
                let name = self.name()?;
                locals.push(self.declare(name)?);
            }
            self.need("in")?;
            let values = self.exprs()?;
            self.need("do")?;
            locals.iter().for_each(|&l| self.show(l));
            Stat::ForIn(locals, values, self.loop_block()?, line)
        } else {
            return Err(self.wrong("'=' or 'in' expected"));
        };
        self.scope().visible.truncate(visible);
        self.close("end", "for", line)?;
        Ok(stat)
    }

    fn function_statement(&mut self, line: u32) -> R<Stat> {
        self.advance()?;
        let name = self.name()?;
        let mut target = self.variable(name)?;
        let mut method = false;
        while !method && (self.is(".") || self.is(":")) {
            method = self.is(":");
            self.advance()?;
            let key = self.name()?;
            self.deepen(self.depth)?;
            target = Expr::Index(Box::new((target, Expr::Str(key))), line);
        }
        let body = self.body(method, line)?;
        Ok(Stat::Assign(vec![target], vec![Expr::Func(Box::new(body))], line))
    }

    fn local_function(&mut self, line: u32) -> R<Stat> {
        let name = self.name()?;
        let local = self.declare(name)?;
        self.show(local);
        let body = self.body(false, line)?;
        Ok(Stat::LocalFunc(local, Box::new(body), line))
    }

    fn local(&mut self, line: u32) -> R<Stat> {
        let mut locals = Vec::new();
        loop {
            let name = self.name()?;
            if self.scope().visible.len() + locals.len() >= LOCALS_MAX {
                // `declare` counts what is in sight; these come into sight together.
                return Err(self.lex.error("too many local variables", None));
            }
            locals.push(self.declare(name)?);
            if !self.eat(",")? {
                break;
            }
        }
        let values = if self.eat("=")? { self.exprs()? } else { Vec::new() };
        locals.iter().for_each(|&l| self.show(l));
        Ok(Stat::Local(locals, values, line))
    }

    fn expr_statement(&mut self) -> R<Stat> {
        let line = self.line;
        let first = self.suffixed()?;
        if self.is("=") || self.is(",") {
            let mut targets = vec![first];
            while self.eat(",")? {
                targets.push(self.suffixed()?);
            }
            let settable =
                |e: &Expr| matches!(e, Expr::Local(_) | Expr::Up(_) | Expr::Global(_) | Expr::Index(..));
            if !targets.iter().all(settable) {
                return Err(self.wrong("syntax error"));
            }
            self.need("=")?;
            let values = self.exprs()?;
            return Ok(Stat::Assign(targets, values, line));
        }
        match first {
            Expr::Call(..) | Expr::Method(..) => Ok(Stat::Call(first, line)),
            _ => Err(self.wrong("syntax error")),
        }
    }

    fn body(&mut self, method: bool, line: u32) -> R<Body> {
        self.enter()?;
        let deepest = std::mem::take(&mut self.deepest);
        self.scopes.push(Scope { body: Body { line, ..Body::default() }, ..Scope::default() });
        if method {
            let this = self.declare(Rc::from(&b"self"[..]))?;
            self.show(this);
        }
        self.need("(")?;
        while !self.is(")") {
            if self.eat("...")? {
                self.scope().body.vararg = true;
                break;
            }
            let name = self.name()?;
            let param = self.declare(name)?;
            self.show(param);
            if !self.eat(",")? {
                break;
            }
        }
        self.scope().body.params = self.scope().body.locals.len();
        self.need(")")?;
        let block = self.block()?;
        let end_line = self.line;
        self.close("end", "function", line)?;
        let mut body = self.scopes.pop().map(|s| s.body).unwrap_or_default();
        (body.block, body.end_line) = (block, end_line);
        let inside = std::mem::replace(&mut self.deepest, deepest);
        self.deepen(inside)?;
        self.level -= 1;
        Ok(body)
    }

    fn exprs(&mut self) -> R<Vec<Expr>> {
        let mut all = vec![self.expr()?];
        let mut depth = self.depth;
        while self.eat(",")? {
            all.push(self.expr()?);
            depth = depth.max(self.depth);
        }
        self.depth = depth;
        Ok(all)
    }

    fn expr(&mut self) -> R<Expr> {
        self.sub_expr(0)
    }

    fn sub_expr(&mut self, limit: u8) -> R<Expr> {
        self.enter()?;
        let line = self.line;
        let unary = match self.token {
            Token::Word("not") => Some(Un::Not),
            Token::Word("-") => Some(Un::Neg),
            Token::Word("#") => Some(Un::Len),
            _ => None,
        };
        let mut left = match unary {
            Some(op) => {
                self.advance()?;
                let of = self.sub_expr(UNARY)?;
                self.deepen(self.depth)?;
                match (op, of) {
                    (Un::Neg, Expr::Num(n)) => Expr::Num(-n),
                    (op, of) => Expr::Un(op, Box::new(of), line),
                }
            }
            None => self.simple()?,
        };
        while let Token::Word(word) = self.token
            && let Some((op, l, r)) = binding(word)
            && l > limit
        {
            let (line, depth) = (self.line, self.depth);
            self.advance()?;
            let right = self.sub_expr(r)?;
            self.deepen(depth.max(self.depth))?;
            left = Expr::Bin(op, Box::new((left, right)), line);
        }
        self.level -= 1;
        Ok(left)
    }

    fn simple(&mut self) -> R<Expr> {
        self.depth = 0;
        let e = match &self.token {
            Token::Num(n) => Expr::Num(*n),
            Token::Str(s) => Expr::Str(s.clone()),
            Token::Word("nil") => Expr::Nil,
            Token::Word("true") => Expr::True,
            Token::Word("false") => Expr::False,
            Token::Word("...") => {
                if !self.scope().body.vararg {
                    return Err(self.wrong("cannot use '...' outside a vararg function"));
                }
                Expr::Vararg
            }
            Token::Word("{") => return self.table(),
            Token::Word("function") => {
                let line = self.line;
                self.advance()?;
                return Ok(Expr::Func(Box::new(self.body(false, line)?)));
            }
            _ => return self.suffixed(),
        };
        self.advance()?;
        Ok(e)
    }

    fn table(&mut self) -> R<Expr> {
        let line = self.line;
        self.advance()?;
        let (mut fields, mut depth) = (Vec::new(), 0);
        while !self.is("}") {
            let named = matches!(self.token, Token::Name(_)) && {
                if self.ahead.is_none() {
                    self.ahead = Some(self.lex.token()?);
                    self.ahead_line = self.lex.line;
                }
                self.ahead == Some(Token::Word("="))
            };
            let key = if named {
                Some(Expr::Str(self.name()?))
            } else if self.eat("[")? {
                let key = self.expr()?;
                depth = depth.max(self.depth);
                self.need("]")?;
                Some(key)
            } else {
                None
            };
            if key.is_some() {
                self.need("=")?;
            }
            fields.push((key, self.expr()?));
            depth = depth.max(self.depth);
            if !self.eat(",")? && !self.eat(";")? {
                break;
            }
        }
        self.close("}", "{", line)?;
        self.deepen(depth)?;
        Ok(Expr::Table(fields, line))
    }

    fn suffixed(&mut self) -> R<Expr> {
        let line = self.line;
        let mut e = match &self.token {
            Token::Name(_) => {
                let name = self.name()?;
                self.variable(name)?
            }
            Token::Word("(") => {
                self.advance()?;
                let inner = self.expr()?;
                self.close(")", "(", line)?;
                self.deepen(self.depth)?;
                Expr::Paren(Box::new(inner))
            }
            _ => return Err(self.wrong("unexpected symbol")),
        };
        loop {
            let (at, depth) = (self.line, self.depth);
            match self.token {
                Token::Word(".") => {
                    self.advance()?;
                    let key = self.name()?;
                    self.deepen(depth)?;
                    e = Expr::Index(Box::new((e, Expr::Str(key))), at);
                }
                Token::Word("[") => {
                    self.advance()?;
                    let key = self.expr()?;
                    self.need("]")?;
                    self.deepen(depth.max(self.depth))?;
                    e = Expr::Index(Box::new((e, key)), at);
                }
                Token::Word(":") => {
                    self.advance()?;
                    let name = self.name()?;
                    let args = self.args()?;
                    self.deepen(depth.max(self.depth))?;
                    e = Expr::Method(Box::new((e, name, args)), at);
                }
                Token::Word("(" | "{") | Token::Str(_) => {
                    let args = self.args()?;
                    self.deepen(depth.max(self.depth))?;
                    e = Expr::Call(Box::new((e, args)), at);
                }
                _ => return Ok(e),
            }
        }
    }

    fn args(&mut self) -> R<Vec<Expr>> {
        self.depth = 0;
        match &self.token {
            Token::Str(s) => {
                let s = s.clone();
                self.advance()?;
                Ok(vec![Expr::Str(s)])
            }
            Token::Word("{") => Ok(vec![self.table()?]),
            Token::Word("(") => {
                let line = self.line;
                if line != self.last_line {
                    return Err(self.wrong("ambiguous syntax (function call x new statement)"));
                }
                self.advance()?;
                let args = if self.is(")") { Vec::new() } else { self.exprs()? };
                self.close(")", "(", line)?;
                Ok(args)
            }
            _ => Err(self.wrong("function arguments expected")),
        }
    }
}

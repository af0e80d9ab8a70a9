//! Names for the addresses of a stack, inside a signal handler: the symbol table of the running binary, mapped into
//! memory and searched from end to end. Slow (some milliseconds per stack) and free: no memory, no work until a stack is
//! written, and nothing but open, mmap and close then, so that the process may go on afterwards.
//!
//! Unsafe, as safe code would read the file into memory, which a handler must not ask for.
//! The file is read as any bytes may be: every access is checked, a wrong file has no names.
#![allow(unsafe_code)]

use std::io::Write;
use std::ptr;

/// The mapped binary.
pub struct Symbols {
    start: *mut libc::c_void,
    length: usize,
}

impl Symbols {
    /// Maps the running binary; nothing where that cannot be had.
    pub fn open() -> Option<Symbols> {
        // SAFETY: plain system calls on a descriptor that is ours; the mapping is private, for reading, and lives until
        // drop. The running binary's inode cannot be written to (ETXTBSY), so the bytes do not change.
        unsafe {
            let fd = libc::open(c"/proc/self/exe".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
            if fd < 0 {
                return None;
            }
            let length = usize::try_from(libc::lseek(fd, 0, libc::SEEK_END)).unwrap_or(0);
            let start = match length {
                0 => libc::MAP_FAILED,
                _ => libc::mmap(ptr::null_mut(), length, libc::PROT_READ, libc::MAP_PRIVATE, fd, 0),
            };
            libc::close(fd);
            (start != libc::MAP_FAILED).then_some(Symbols { start, length })
        }
    }

    /// The mangled name of the function that holds this address, and how far in it is.
    pub fn name(&self, address: u64) -> Option<(&[u8], u64)> {
        // SAFETY: the mapping is of this length and lives as long as self.
        let file = unsafe { std::slice::from_raw_parts(self.start.cast::<u8>(), self.length) };
        Elf(file).function(address.checked_sub(load_bias(Elf(file))?)?)
    }
}

impl Drop for Symbols {
    fn drop(&mut self) {
        // SAFETY: mapped by `open`; borrows of it have ended.
        unsafe { libc::munmap(self.start, self.length) };
    }
}

/// How far from its addresses in the file the binary was loaded.
fn load_bias(elf: Elf) -> Option<u64> {
    // SAFETY: asks for a number that the kernel put beside the environment.
    let headers = unsafe { libc::getauxval(libc::AT_PHDR) };
    #[allow(clippy::useless_conversion)] // Of 32 bits elsewhere.
    u64::from(headers).checked_sub(elf.program_headers_address()?)
}

/// A 64-bit little-endian ELF file; offsets and types as in elf(5).
#[derive(Clone, Copy)]
struct Elf<'a>(&'a [u8]);

const PT_PHDR: u64 = 6;
const SHT_SYMTAB: u64 = 2;
const STT_FUNC: u64 = 2;
const SYMBOL_SIZE: usize = 24;

impl<'a> Elf<'a> {
    /// The number of `size` bytes at `at`.
    fn number(self, at: u64, size: usize) -> Option<u64> {
        let at = usize::try_from(at).ok()?;
        let bytes = self.0.get(at..at.checked_add(size)?)?;
        Some(bytes.iter().rev().fold(0, |n, &byte| n << 8 | u64::from(byte)))
    }

    fn is_known(self) -> Option<()> {
        // The magic, then: 64 bits, little endian.
        (self.0.get(..6)? == b"\x7fELF\x02\x01").then_some(())
    }

    fn program_headers_address(self) -> Option<u64> {
        self.is_known()?;
        let (start, size, count) = (self.number(0x20, 8)?, self.number(0x36, 2)?, self.number(0x38, 2)?);
        (0..count).find_map(|i| {
            let header = start.checked_add(i * size)?;
            (self.number(header, 4)? == PT_PHDR).then(|| self.number(header.checked_add(0x10)?, 8))?
        })
    }

    /// Offset and length of a section, its type, and the section that it refers to.
    fn section(self, index: u64) -> Option<(u64, u64, u64, u64)> {
        let (start, size) = (self.number(0x28, 8)?, self.number(0x3a, 2)?);
        let header = start.checked_add(index.checked_mul(size)?)?;
        let field = |at: u64, size| self.number(header.checked_add(at)?, size);
        Some((field(0x18, 8)?, field(0x20, 8)?, field(0x04, 4)?, field(0x28, 4)?))
    }

    fn bytes(self, offset: u64, length: u64) -> Option<&'a [u8]> {
        let start = usize::try_from(offset).ok()?;
        self.0.get(start..start.checked_add(usize::try_from(length).ok()?)?)
    }

    /// The function that holds an address of the file's.
    fn function(self, address: u64) -> Option<(&'a [u8], u64)> {
        let sections = self.number(0x3c, 2)?;
        let (offset, length, _, names) =
            (0..sections).filter_map(|i| self.section(i)).find(|(_, _, kind, _)| *kind == SHT_SYMTAB)?;
        let symbols = self.bytes(offset, length)?;
        let found = symbols.chunks_exact(SYMBOL_SIZE).find_map(|symbol| {
            let symbol = Elf(symbol);
            let (info, start, size) = (symbol.number(4, 1)?, symbol.number(8, 8)?, symbol.number(16, 8)?);
            let inside = address.checked_sub(start).filter(|&inside| inside < size)?;
            (info & 0xf == STT_FUNC).then_some((symbol.number(0, 4)?, inside))
        });
        let (name_at, inside) = found?;
        let (offset, length, ..) = self.section(names)?;
        let name = self.bytes(offset, length)?.get(usize::try_from(name_at).ok()?..)?;
        Some((&name[..name.iter().position(|&byte| byte == 0)?], inside))
    }
}

/// Writes the identifiers of a Rust name, joined by `::`; other names as they are. Good enough to read: generic arguments
/// show as more identifiers.
pub fn write_plain(out: &mut dyn Write, name: &[u8]) -> std::io::Result<()> {
    let (mut rest, legacy) = match (name.strip_prefix(b"_R"), name.strip_prefix(b"_ZN")) {
        (Some(rest), _) => (rest, false),
        (_, Some(rest)) => (rest, true),
        _ => return out.write_all(name),
    };
    let mut first = true;
    while let Some((&letter, tail)) = rest.split_first() {
        rest = match letter {
            b'0'..=b'9' => {
                let (identifier, tail) = identifier(rest, legacy);
                let hash = legacy && identifier.len() == 17 && identifier.starts_with(b"h");
                if !identifier.is_empty() && !hash {
                    out.write_all(if first { b"" } else { b"::" })?;
                    write_identifier(out, identifier, legacy)?;
                    first = false;
                }
                tail
            }
            // Disambiguators and references back: base-62 digits up to an underscore.
            b's' | b'B' if !legacy => {
                let end = tail.iter().position(|&byte| byte == b'_').map_or(tail.len(), |at| at + 1);
                &tail[end..]
            }
            _ => tail,
        };
    }
    Ok(())
}

/// Old names spell signs as `$..$`, `::` as `..`, and put `_` before a name that begins with a sign.
fn write_identifier(out: &mut dyn Write, identifier: &[u8], legacy: bool) -> std::io::Result<()> {
    const SIGNS: [(&[u8], &[u8]); 11] = [
        (b"$LT$", b"<"),
        (b"$GT$", b">"),
        (b"$RF$", b"&"),
        (b"$BP$", b"*"),
        (b"$LP$", b"("),
        (b"$RP$", b")"),
        (b"$C$", b","),
        (b"$u20$", b" "),
        (b"$u7b$", b"{"),
        (b"$u7d$", b"}"),
        (b"..", b"::"),
    ];
    if !legacy {
        return out.write_all(identifier);
    }
    let mut rest = identifier;
    if rest.starts_with(b"_$") {
        rest = &rest[1..];
    }
    while let Some((letter, tail)) = rest.split_first() {
        match SIGNS.iter().find(|(spelt, _)| rest.starts_with(spelt)) {
            Some((spelt, sign)) => {
                out.write_all(sign)?;
                rest = &rest[spelt.len()..];
            }
            None => {
                out.write_all(&[*letter])?;
                rest = tail;
            }
        }
    }
    Ok(())
}

/// A length, and so many bytes behind it.
fn identifier(text: &[u8], legacy: bool) -> (&[u8], &[u8]) {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    // A 0 stands for a nameless item; the digits behind it are not its.
    let digits = if text.first() == Some(&b'0') { 1 } else { digits };
    let length = text[..digits]
        .iter()
        .fold(0usize, |n, byte| n.saturating_mul(10).saturating_add((byte - b'0').into()));
    let tail = &text[digits..];
    let tail = if length > 0 && !legacy { tail.strip_prefix(b"_").unwrap_or(tail) } else { tail };
    tail.split_at(length.min(tail.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(name: &str) -> String {
        let mut out = Vec::new();
        write_plain(&mut out, name.as_bytes()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn names_become_readable() {
        assert_eq!(
            plain("_RNvMNtNtCs4fLfy6EI15iL_4tarn3sys5crashNtB2_6RawOut6to_log"),
            "tarn::sys::crash::RawOut::to_log"
        );
        assert_eq!(plain("_ZN4tarn4exec4call17h0123456789abcdefE"), "tarn::exec::call");
        let closure = "_ZN5tokio4Core28_$u7b$$u7b$closure$u7d$$u7d$17h7a1641d4a1b07123E";
        assert_eq!(plain(closure), "tokio::Core::{{closure}}");
        assert_eq!(plain("_ZN3std16Vec$LT$T$C$A$GT$4pushE"), "std::Vec<T,A>::push");
        assert_eq!(plain("epoll_wait"), "epoll_wait");
        assert_eq!(plain("_R99999999999999999999999x"), "x");
        assert_eq!(plain("_RNCNvCs1_4tarn4main0"), "tarn::main");
        assert_eq!(plain("_R5__abc"), "_abc");
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn this_very_function_is_found() {
        let symbols = Symbols::open().unwrap();
        let here = this_very_function_is_found as fn() as usize as u64;
        let (name, inside) = symbols.name(here + 1).unwrap();
        assert_eq!(inside, 1);
        assert!(
            plain(std::str::from_utf8(name).unwrap())
                .ends_with("symbols::tests::this_very_function_is_found")
        );
        assert_eq!(symbols.name(8), None);
    }

    /// A binary's start, cut off and bent at every place: no names, no panic.
    #[test]
    #[cfg_attr(miri, ignore)] // Safe code, and minutes there.
    fn any_bytes_are_read_safely() {
        let mut file = vec![0u8; 300];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[0x28] = 64;
        file[0x3a] = 64;
        file[0x3c] = 3;
        file[64 + 4] = 2;
        file[64 + 0x20] = 48;
        for at in 0..file.len() {
            for value in [0, 1, 2, 6, 64, 0x80, 0xff] {
                let mut bent = file.clone();
                bent[at] = value;
                for cut in [bent.len(), 256, at] {
                    let _ = Elf(&bent[..cut]).function(1);
                    let _ = Elf(&bent[..cut]).program_headers_address();
                }
            }
        }
    }
}

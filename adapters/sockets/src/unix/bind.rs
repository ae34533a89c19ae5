//! Unix sockets, and the files that go with them.

use std::fs::{self, DirBuilder};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
#[cfg(target_os = "linux")]
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use mpconn::{Address, AddressError, Family};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::net::{AddressFamily, Shutdown, SocketAddrUnix, SocketType, sockopt};

use crate::Listening;
use crate::bind::{Bound, no_family, unsupported};
use crate::explained::Explained;

impl Bound {
    /// A socket that somebody else has made. Its file, if it has one, is theirs too.
    ///
    /// # Errors
    ///
    /// The system's, when it is no socket; `InvalidInput` when it does not listen.
    pub fn adopt(fd: OwnedFd) -> io::Result<Self> {
        // Apple's systems cannot tell: there, the first accept fails.
        #[cfg(not(target_vendor = "apple"))]
        if !sockopt::socket_acceptconn(&fd)? {
            let error = "the socket is not listening";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
        }
        let bound = match rustix::net::getsockname(&fd)?.address_family() {
            AddressFamily::UNIX => Self::Unix(UnixListener::from(fd)),
            _ => Self::AdoptedTcp(TcpListener::from(fd)),
        };
        rustix::io::ioctl_fionbio(&bound, true)?;
        Ok(bound)
    }

    /// Ends listening: nobody can connect any more, whoever else has the socket.
    pub fn stop(&self) {
        // A socket that cannot be shut down closes with its last owner.
        let _ = rustix::net::shutdown(self, Shutdown::Both);
    }
}

/// Sets a socket to non-blocking mode if another owner has set it to blocking mode. A blocking
/// `accept` of no client would never return.
///
/// # Errors
///
/// Those of the system.
pub fn keep_nonblocking(socket: impl AsFd) -> io::Result<()> {
    if !rustix::fs::fcntl_getfl(&socket)?.contains(OFlags::NONBLOCK) {
        rustix::io::ioctl_fionbio(&socket, true)?;
    }
    Ok(())
}

impl AsFd for Bound {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) | Self::AdoptedTcp(listener) => listener.as_fd(),
            Self::Unix(listener) => listener.as_fd(),
        }
    }
}

impl AsRawFd for Bound {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

/// The address of a Unix socket, unless it has none.
pub(crate) fn unix_address(address: &std::os::unix::net::SocketAddr) -> Option<Address> {
    #[cfg(target_os = "linux")]
    if let Some(name) = std::os::linux::net::SocketAddrExt::as_abstract_name(address) {
        return Some(Address::Abstract(name.to_owned()));
    }
    address.as_pathname().map(|path| Address::Unix(path.to_owned()))
}

/// The longest path of a socket, in bytes. The system's structure has one byte more, which CPython needs
/// for a NUL: it cannot connect to a longer path.
const MAX_PATH: usize =
    if cfg!(any(target_os = "linux", target_os = "android")) { 107 } else { 103 };

/// The name of the socket in a fresh directory.
const FRESH: &str = "listener";

/// How long to wait for another listener that binds in the same directory.
const LOCK_TIME: Duration = Duration::from_secs(1);

/// How long a listener may take between `bind` and `listen`, in which it looks stale.
const PROBE_AGAIN: Duration = Duration::from_millis(20);

/// The socket file of a listener, and the directory that was made for it. Dropping it removes
/// both, as long as they are the ones that were made.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    identity: Option<Identity>,
    private_directory: Option<PathBuf>,
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        // The path must still lead there after the program has changed its directory.
        let path = std::path::absolute(path)?;
        let identity = identity(&path);
        Ok(Self { path, identity, private_directory: None })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.identity.is_some() && identity(&self.path) == self.identity {
            // Nothing more can be done about a file that does not go.
            let _ = fs::remove_file(&self.path);
        }
        if let Some(directory) = &self.private_directory {
            let _ = fs::remove_dir(directory);
        }
    }
}

/// Tells files apart: a file that is created after another one was removed often has the same
/// inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    /// When it was created, for a socket.
    modified: (i64, i64),
}

fn identity(path: &Path) -> Option<Identity> {
    fs::symlink_metadata(path).ok().map(|file| Identity::of(&file))
}

impl Identity {
    fn of(file: &fs::Metadata) -> Self {
        let modified = (file.mtime(), file.mtime_nsec());
        Self { device: file.dev(), inode: file.ino(), modified }
    }
}

/// Listens at an address that is not TCP's.
pub(crate) fn open(
    listening: &Listening,
    address: &Address,
) -> io::Result<(Bound, Option<SocketFile>)> {
    match address {
        Address::Abstract(_) => bind_unix(listening, address),
        Address::Unix(path) => {
            // Held until the socket listens, so that another listener does not take it for stale.
            let lock = lock_directory(path);
            match bind_unix(listening, address) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    if !listening.replace_stale {
                        return Err(occupied(path, error));
                    }
                    if lock.is_none() {
                        return Err(in_use(
                            "a socket is there, and its directory cannot be locked",
                        ));
                    }
                    remove_stale(path, address)?;
                    bind_unix(listening, address)
                }
                bound => bound,
            }
        }
        _ => Err(unsupported(address)),
    }
}

/// Listens at a fresh address of a family that is not TCP's.
pub(crate) fn open_fresh(
    listening: &Listening,
    family: Family,
) -> io::Result<(Bound, Option<SocketFile>)> {
    if family != Family::Unix {
        return Err(no_family(family));
    }
    let directory = private_directory()?;
    match bind_unix(listening, &Address::Unix(directory.join(FRESH))) {
        Ok((bound, Some(mut file))) => {
            file.private_directory = Some(directory);
            Ok((bound, Some(file)))
        }
        Ok(nameless) => Ok(nameless),
        Err(error) => {
            let _ = fs::remove_dir(&directory);
            let text = format!("cannot listen in the directory {}: {error}", directory.display());
            Err(Explained::error(text, error))
        }
    }
}

pub(crate) fn listen_tcp(listening: &Listening, address: SocketAddr) -> io::Result<TcpListener> {
    let fd = socket(match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    })?;
    // As Python does on POSIX: a restarted listener need not wait for its old connections.
    sockopt::set_socket_reuseaddr(&fd, true)?;
    // Its clients' sockets inherit it.
    #[cfg(target_os = "linux")]
    sockopt::set_tcp_nodelay(&fd, true)?;
    rustix::net::bind(&fd, &address)?;
    rustix::net::listen(&fd, listening.backlog)?;
    Ok(TcpListener::from(fd))
}

fn bind_unix(listening: &Listening, address: &Address) -> io::Result<(Bound, Option<SocketFile>)> {
    let name = unix_name(address)?;
    let fd = socket(AddressFamily::UNIX)?;
    let file = if let Address::Unix(path) = address {
        bind_with_mode(&fd, &name, listening.mode)?;
        // From here on, the file goes again when anything fails.
        let file = SocketFile::of(path)?;
        #[cfg(target_os = "linux")]
        restore_mode(path, listening.mode)?;
        Some(file)
    } else {
        rustix::net::bind(&fd, &name)?;
        None
    };
    rustix::net::listen(&fd, listening.backlog)?;
    let unix = UnixListener::from(fd);
    unix.set_nonblocking(true)?;
    Ok((Bound::Unix(unix), file))
}

/// Binds so that the file has no more rights than `mode` from its first moment.
#[cfg(target_os = "linux")]
fn bind_with_mode(fd: &OwnedFd, name: &SocketAddrUnix, mode: u32) -> io::Result<()> {
    // Linux gives the file the mode of the socket's own inode, less the umask.
    rustix::fs::fchmod(fd, rustix::fs::Mode::from_raw_mode(mode))?;
    Ok(rustix::net::bind(fd, name)?)
}

/// Binds so that the file has no more rights than `mode` from its first moment. The umask is the
/// process's: a file that another thread makes at this moment gets fewer rights, never more.
#[cfg(not(target_os = "linux"))]
fn bind_with_mode(fd: &OwnedFd, name: &SocketAddrUnix, mode: u32) -> io::Result<()> {
    use rustix::fs::{Mode, RawMode};
    let denied = RawMode::try_from(!mode & 0o777).expect("nine bits");
    let before = rustix::process::umask(Mode::from_raw_mode(denied));
    let bound = rustix::net::bind(fd, name);
    rustix::process::umask(before);
    Ok(bound?)
}

/// Restores the rights that the umask took away, and never follows a symbolic link: whoever may
/// write to the directory could replace the file by one.
#[cfg(target_os = "linux")]
fn restore_mode(path: &Path, mode: u32) -> io::Result<()> {
    use rustix::fs::{FileType, Mode, fstat, open};

    let file = open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    let stat = fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Socket {
        return Err(io::Error::other("the file of the socket was replaced by another"));
    }
    if stat.st_mode & 0o7777 == mode {
        return Ok(());
    }
    // `fchmod` does not take such a descriptor, and `fchmodat` does not refuse links everywhere.
    let opened = format!("/proc/self/fd/{}", file.as_raw_fd());
    fs::set_permissions(opened, fs::Permissions::from_mode(mode))
}

/// Locks the directory of `path` against other listeners of this library that bind in it, by an
/// advisory lock that leaves no file behind. Returns `None` if that is not possible, or takes
/// longer than
/// [`LOCK_TIME`]: any user who can read the directory can hold the lock.
fn lock_directory(path: &Path) -> Option<OwnedFd> {
    use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};

    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = open(directory.unwrap_or(Path::new(".")), flags, Mode::empty()).ok()?;
    let begun = Instant::now();
    loop {
        match flock(&directory, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Some(directory),
            Err(Errno::WOULDBLOCK) if begun.elapsed() < LOCK_TIME => sleep(PROBE_AGAIN),
            Err(_) => return None,
        }
    }
}

/// Returns an error for a path where nothing can be bound, which says what is there. Nobody is asked: a
/// connection that ends at once would be an error of a listener in Python.
fn occupied(path: &Path, error: io::Error) -> io::Error {
    let Ok(file) = fs::symlink_metadata(path) else { return error };
    let text = if file.file_type().is_socket() {
        "a socket is there; if nobody listens at it, see `ListenerOptions::replace_stale`"
    } else {
        no_socket(file.file_type())
    };
    Explained::error(text, error)
}

const LIVE: &str = "another listener is there";

pub(super) fn no_socket(file: fs::FileType) -> &'static str {
    if file.is_dir() { "a directory is there" } else { "a file that is not a socket is there" }
}

fn in_use(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, text)
}

/// Removes the file of a socket at which nobody listens. The directory is locked.
fn remove_stale(path: &Path, address: &Address) -> io::Result<()> {
    let file = fs::symlink_metadata(path)?;
    if !file.file_type().is_socket() {
        return Err(in_use(no_socket(file.file_type())));
    }
    if is_live(address)? {
        return Err(in_use(LIVE));
    }
    // A listener without this lock, such as CPython's, may have bound and not listened yet.
    sleep(PROBE_AGAIN);
    if is_live(address)? {
        return Err(in_use(LIVE));
    }
    // A program without this lock may have replaced it meanwhile. Only a rename tells for sure
    // which file is removed.
    let aside = path.with_file_name(format!(".{}", random_name()?));
    fs::rename(path, &aside)?;
    if identity(&aside) != Some(Identity::of(&file)) {
        // Without replacing what is there by now.
        fs::hard_link(&aside, path)?;
        fs::remove_file(aside)?;
        return Err(in_use(LIVE));
    }
    fs::remove_file(aside)
}

/// Returns `true` unless the system says that nobody listens at `address`.
fn is_live(address: &Address) -> io::Result<bool> {
    let probe = socket(AddressFamily::UNIX)?;
    // A live listener with a full backlog must not make the probe wait.
    rustix::io::ioctl_fionbio(&probe, true)?;
    Ok(rustix::net::connect(&probe, &unix_name(address)?) != Err(Errno::CONNREFUSED))
}

/// A directory that only this user can enter, under a name that was never there: in the directory for
/// temporary files, or in the system's if that is missing, or too long for the path of a socket. So does
/// CPython from 3.14 on.
fn private_directory() -> io::Result<PathBuf> {
    const SYSTEMS: &str = "/tmp";
    let name = random_name()?;
    // Absolute, so that it is found again after the program has changed its directory.
    let temporary = std::env::temp_dir();
    let directory = match temporary.as_os_str().is_empty() {
        true => Path::new(SYSTEMS).join(&name),
        false => std::path::absolute(temporary)?.join(&name),
    };
    let is_short = directory.join(FRESH).as_os_str().len() <= MAX_PATH;
    match is_short.then(|| create_private(&directory)) {
        Some(Ok(())) => return Ok(directory),
        // A directory that is not there, not one, or not for this user: as CPython, take the next.
        Some(Err(error)) if !is_no_directory(error.kind()) => return Err(error),
        _ => {}
    }
    let directory = Path::new(SYSTEMS).join(name);
    create_private(&directory)?;
    Ok(directory)
}

fn is_no_directory(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};
    matches!(kind, NotFound | NotADirectory | PermissionDenied | ReadOnlyFilesystem)
}

fn create_private(directory: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(directory).map_err(|error| {
        let text = format!("cannot create the directory {}: {error}", directory.display());
        Explained::error(text, error)
    })
}

fn random_name() -> io::Result<String> {
    let mut random = [0; 8];
    getrandom::fill(&mut random)?;
    Ok(format!("mpconn-{:016x}", u64::from_ne_bytes(random)))
}

/// A stream socket that children do not inherit.
///
/// # Errors
///
/// The system's.
pub fn socket(family: AddressFamily) -> io::Result<OwnedFd> {
    #[cfg(not(target_vendor = "apple"))]
    let fd = {
        let flags = rustix::net::SocketFlags::CLOEXEC;
        rustix::net::socket_with(family, SocketType::STREAM, flags, None)?
    };
    #[cfg(target_vendor = "apple")]
    let fd = {
        let fd = rustix::net::socket(family, SocketType::STREAM, None)?;
        rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
        sockopt::set_socket_nosigpipe(&fd, true)?;
        fd
    };
    Ok(fd)
}

/// Makes a stream socket in non-blocking mode that no child inherits.
pub(super) fn nonblocking_socket(family: AddressFamily) -> io::Result<OwnedFd> {
    #[cfg(not(target_vendor = "apple"))]
    let fd = {
        let flags = rustix::net::SocketFlags::CLOEXEC | rustix::net::SocketFlags::NONBLOCK;
        rustix::net::socket_with(family, SocketType::STREAM, flags, None)?
    };
    #[cfg(target_vendor = "apple")]
    let fd = {
        let fd = socket(family)?;
        rustix::io::ioctl_fionbio(&fd, true)?;
        fd
    };
    Ok(fd)
}

/// The name of a Unix socket for the system's calls.
///
/// # Errors
///
/// When it is too long, or not for this platform.
pub fn unix_name(address: &Address) -> io::Result<SocketAddrUnix> {
    match address {
        // The system would take it for an abstract socket, at which any user may listen.
        Address::Unix(path) if path.as_os_str().is_empty() => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, AddressError::Empty))
        }
        Address::Unix(path) if path.as_os_str().len() > MAX_PATH => {
            let error = format!(
                "the path has {} bytes, and {MAX_PATH} are the most for a socket",
                path.as_os_str().len()
            );
            Err(io::Error::new(io::ErrorKind::InvalidInput, error))
        }
        Address::Unix(path) => Ok(SocketAddrUnix::new(path.as_path())?),
        #[cfg(target_os = "linux")]
        Address::Abstract(name) => Ok(SocketAddrUnix::new_abstract_name(name)?),
        _ => Err(unsupported(address)),
    }
}

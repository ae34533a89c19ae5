//! Unix sockets, and the files that go with them.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use mpconn::{Address, AddressError, Family};
use rustix::net::{AddressFamily, Shutdown, SocketAddrUnix, SocketType, sockopt};

use crate::Listening;
use crate::bind::{Bound, no_family, unsupported};

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
            _ => Self::Tcp(TcpListener::from(fd)),
        };
        rustix::io::ioctl_fionbio(&bound, true)?;
        Ok(bound)
    }

    /// Nobody can connect any more.
    pub fn stop(&self) {
        stop(self);
    }
}

/// Nobody can connect to this listening socket any more, whoever else has it.
pub fn stop(listening: impl AsFd) {
    // A socket that cannot be shut down closes with its last owner.
    let _ = rustix::net::shutdown(listening, Shutdown::Both);
}

impl AsFd for Bound {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener) => listener.as_fd(),
        }
    }
}

/// The address of a Unix socket, unless it has none.
#[must_use]
pub fn unix_address(address: &std::os::unix::net::SocketAddr) -> Option<Address> {
    #[cfg(target_os = "linux")]
    if let Some(name) = std::os::linux::net::SocketAddrExt::as_abstract_name(address) {
        return Some(Address::Abstract(name.to_owned()));
    }
    address.as_pathname().map(|path| Address::Unix(path.to_owned()))
}

/// The socket file of a listener, and the directory that was made for it. Dropping it removes
/// both, as long as they are the ones that were made.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    identity: Option<(u64, u64)>,
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

/// Device and inode.
fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// Listens at an address that is not TCP's.
pub(crate) fn open(
    listening: &Listening,
    address: &Address,
) -> io::Result<(Bound, Option<SocketFile>)> {
    match address {
        Address::Abstract(_) => bind_unix(listening, address),
        Address::Unix(path) => match bind_unix(listening, address) {
            Err(error) if listening.replace_stale && error.kind() == io::ErrorKind::AddrInUse => {
                remove_stale(path, address)?;
                bind_unix(listening, address)
            }
            bound => bound,
        },
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
    match bind_unix(listening, &Address::Unix(directory.join("listener"))) {
        Ok((bound, Some(mut file))) => {
            file.private_directory = Some(directory);
            Ok((bound, Some(file)))
        }
        other => {
            let _ = fs::remove_dir(&directory);
            other
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
        // The umask can only have taken rights away until now.
        fs::set_permissions(&file.path, Permissions::from_mode(listening.mode))?;
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

/// Takes a socket file out of the way that nobody listens at.
fn remove_stale(path: &Path, address: &Address) -> io::Result<()> {
    let in_use = || io::Error::from(io::ErrorKind::AddrInUse);
    let file = fs::symlink_metadata(path)?;
    if !file.file_type().is_socket() {
        return Err(in_use());
    }
    let probe = socket(AddressFamily::UNIX)?;
    // A live listener with a full backlog must not make the probe wait.
    rustix::io::ioctl_fionbio(&probe, true)?;
    match rustix::net::connect(&probe, &unix_name(address)?) {
        Err(rustix::io::Errno::CONNREFUSED) => {}
        _ => return Err(in_use()),
    }
    // Somebody else may have replaced it meanwhile. Only a rename tells for sure which file goes.
    let aside = path.with_file_name(format!(".{}", random_name()?));
    fs::rename(path, &aside)?;
    if identity(&aside) != Some((file.dev(), file.ino())) {
        fs::rename(&aside, path)?;
        return Err(in_use());
    }
    fs::remove_file(aside)
}

/// A directory that only this user can enter, under a name that was never there.
fn private_directory() -> io::Result<PathBuf> {
    // Absolute, so that it is found again after the program has changed its directory.
    let directory = std::path::absolute(std::env::temp_dir())?.join(random_name()?);
    DirBuilder::new().mode(0o700).create(&directory)?;
    Ok(directory)
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
        Address::Unix(path) => Ok(SocketAddrUnix::new(path.as_path())?),
        #[cfg(target_os = "linux")]
        Address::Abstract(name) => Ok(SocketAddrUnix::new_abstract_name(name)?),
        _ => Err(unsupported(address)),
    }
}

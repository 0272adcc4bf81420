//! A file system whose operations can be watched: those of the log, on the `File` of some other one.
//!
//! turmoil-fs and powercut do not see a sync of an opened directory. Both have a function for it, and say so
//! in their documentation.

/// Makes a module `fs`. Beside it there are `sync_file`, `sync_dir`, and `operation`, which is called before
/// each change.
macro_rules! watched_fs {
    ($inner:path) => {
        mod fs {
            use std::io::{self, Read, Seek, SeekFrom, Write};
            use std::path::{Path, PathBuf};
            use $inner as inner;

            pub(super) use inner::metadata;

            pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
                super::operation()?;
                inner::rename(from, to)
            }

            #[derive(Debug)]
            pub(super) struct File {
                /// `None` for a directory.
                file: Option<inner::File>,
                path: PathBuf,
            }

            impl File {
                pub(super) fn create(path: &Path) -> io::Result<Self> {
                    super::operation()?;
                    Ok(Self { file: Some(inner::File::create(path)?), path: path.to_owned() })
                }

                /// The log opens its directory with it, and nothing else.
                pub(super) fn open(path: &Path) -> io::Result<Self> {
                    Ok(Self { file: None, path: path.to_owned() })
                }

                pub(super) fn sync_all(&self) -> io::Result<()> {
                    super::operation()?;
                    match &self.file {
                        Some(file) => super::sync_file(file, &self.path),
                        None => super::sync_dir(&self.path),
                    }
                }

                pub(super) fn sync_data(&self) -> io::Result<()> {
                    self.sync_all()
                }

                pub(super) fn set_len(&self, len: u64) -> io::Result<()> {
                    super::operation()?;
                    self.file().set_len(len)
                }

                fn file(&self) -> &inner::File {
                    self.file.as_ref().expect("a file, not a directory")
                }

                fn file_mut(&mut self) -> &mut inner::File {
                    self.file.as_mut().expect("a file, not a directory")
                }
            }

            impl Read for File {
                fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                    self.file_mut().read(buffer)
                }
            }

            impl Write for File {
                fn write(&mut self, data: &[u8]) -> io::Result<usize> {
                    super::operation()?;
                    self.file_mut().write(data)
                }

                fn flush(&mut self) -> io::Result<()> {
                    self.file_mut().flush()
                }
            }

            impl Seek for File {
                fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
                    self.file_mut().seek(to)
                }
            }

            pub(super) struct OpenOptions(inner::OpenOptions);

            impl OpenOptions {
                pub(super) fn new() -> Self {
                    Self(inner::OpenOptions::new())
                }

                pub(super) fn read(&mut self, read: bool) -> &mut Self {
                    self.0.read(read);
                    self
                }

                pub(super) fn write(&mut self, write: bool) -> &mut Self {
                    self.0.write(write);
                    self
                }

                pub(super) fn open(&self, path: &Path) -> io::Result<File> {
                    Ok(File { file: Some(self.0.open(path)?), path: path.to_owned() })
                }
            }
        }
    };
}
pub(super) use watched_fs;

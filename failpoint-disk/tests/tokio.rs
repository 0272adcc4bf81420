//! The mirror of `tokio::fs`: points that are awaited, on the disk of the task's scope.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used)]

use failpoint_disk::tokio::fs;
use std::future::poll_fn;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

/// Everything that the mirror has, in both worlds and on both kinds of disk.
async fn use_everything(root: &Path) {
    let path = root.join("file");
    let mut file = fs::File::create_new(&path).await.unwrap();
    file.write_all(b"0123456789").await.unwrap();
    file.flush().await.unwrap();
    file.sync_all().await.unwrap();
    file.sync_data().await.unwrap();
    assert_eq!(file.seek(std::io::SeekFrom::Start(2)).await.unwrap(), 2);
    let mut two = [0; 2];
    file.read_exact(&mut two).await.unwrap();
    assert_eq!(&two, b"23");
    file.set_len(5).await.unwrap();
    let metadata = file.metadata().await.unwrap();
    assert_eq!((metadata.len(), metadata.is_file()), (5, true));
    file.set_permissions(metadata.permissions()).await.unwrap();
    let mut clone = file.try_clone().await.unwrap();
    let mut rest = String::new();
    clone.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "4");
    let file = file.into_std().await;
    let mut file = fs::File::from_std(file);
    file.write_all(b"56").await.unwrap();
    file.shutdown().await.unwrap();
    let Ok(_) = file.try_into_std() else { panic!("nothing is under way") };
    assert_eq!(fs::read(&path).await.unwrap(), b"0123456");

    let mut options = fs::OpenOptions::new();
    let mut file = options.append(true).read(true).open(&path).await.unwrap();
    file.write_all(b"7").await.unwrap();
    file.shutdown().await.unwrap();
    assert_eq!(fs::read_to_string(&path).await.unwrap(), "01234567");

    fs::create_dir_all(root.join("a/b/c")).await.unwrap();
    fs::create_dir(root.join("a/d")).await.unwrap();
    fs::DirBuilder::new().recursive(true).create(root.join("a/d")).await.unwrap();
    assert_eq!(fs::copy(&path, root.join("a/copy")).await.unwrap(), 8);
    fs::hard_link(&path, root.join("a/link")).await.unwrap();
    fs::rename(root.join("a/link"), root.join("a/moved")).await.unwrap();
    fs::write(root.join("a/moved"), "new").await.unwrap();
    assert_eq!(fs::read(&path).await.unwrap(), b"new");
    let mut entries = fs::read_dir(root.join("a")).await.unwrap();
    let mut names = Vec::new();
    while let Some(entry) = entries.next_entry().await.unwrap() {
        let kind = entry.file_type().await.unwrap();
        assert_eq!(kind.is_dir(), entry.metadata().await.unwrap().is_dir());
        assert_eq!(entry.path(), root.join("a").join(entry.file_name()));
        names.push((entry.file_name().into_string().unwrap(), kind.is_dir()));
    }
    names.sort();
    let wanted = [("b", true), ("copy", false), ("d", true), ("moved", false)];
    assert_eq!(names, wanted.map(|(name, is_dir)| (name.to_owned(), is_dir)));
    assert!(fs::symlink_metadata(root.join("a")).await.unwrap().is_dir());
    let permissions = fs::metadata(&path).await.unwrap().permissions();
    fs::set_permissions(&path, permissions).await.unwrap();
    assert!(fs::canonicalize(root.join("a/../file")).await.unwrap().ends_with("file"));
    assert!(fs::read_link(&path).await.is_err());
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    let times = fs::FileTimes::new().set_accessed(time).set_modified(time);
    let file = fs::OpenOptions::from(std_options()).open(&path).await.unwrap();
    file.set_times(times.clone()).await.unwrap();
    assert_eq!(file.metadata().await.unwrap().modified().unwrap(), time);
    assert_eq!(fs::metadata(&path).await.unwrap().accessed().unwrap(), time);
    file.set_modified(time + std::time::Duration::from_secs(1)).await.unwrap();
    assert!(fs::metadata(&path).await.unwrap().modified().unwrap() > time);
    let mut entries = fs::read_dir(root).await.unwrap();
    let mut count = 0;
    while let Some(entry) = poll_fn(|cx| entries.poll_next_entry(cx)).await.unwrap() {
        count += usize::from(entry.file_name() == "file" || entry.file_name() == "a");
    }
    assert_eq!(count, 2);
    let mut file = fs::File::open(&path).await.unwrap();
    file.set_max_buf_size(2);
    assert_eq!((file.max_buf_size(), file.read(&mut [0; 8]).await.unwrap()), (2, 2));
    assert_eq!(file.try_clone().await.unwrap().max_buf_size(), 2);
    let _ = (fs::OpenOptions::default(), fs::DirBuilder::default());
    fs::remove_file(root.join("a/copy")).await.unwrap();
    fs::remove_dir(root.join("a/d")).await.unwrap();
    fs::remove_dir_all(root.join("a")).await.unwrap();
    assert!(!fs::try_exists(root.join("a")).await.unwrap());
    assert!(fs::File::open(root.join("a")).await.is_err());
    fs::File::open(root).await.unwrap().sync_all().await.unwrap();
}

fn std_options() -> failpoint_disk::fs::OpenOptions {
    let mut options = failpoint_disk::fs::OpenOptions::new();
    options.write(true);
    options
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_made_where_there_are_any() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("link");
    fs::symlink("file", &link).await.unwrap();
    assert!(fs::symlink_metadata(&link).await.unwrap().file_type().is_symlink());
    assert_eq!(fs::read_link(&link).await.unwrap(), Path::new("file"));
    assert_eq!(fs::symlink("file", &link).await.unwrap_err().raw_os_error(), Some(17));
    let file = std::fs::File::create(directory.path().join("file")).unwrap();
    let mut file = fs::File::from(std::os::fd::OwnedFd::from(file));
    file.write_all(b"by its descriptor").await.unwrap();
    file.flush().await.unwrap();
    assert_eq!(fs::read(&link).await.unwrap(), b"by its descriptor");
}

#[tokio::test]
async fn a_real_disk_is_used() {
    let directory = tempfile::tempdir().unwrap();
    use_everything(directory.path()).await;
}

#[cfg(not(feature = "failpoints"))]
#[test]
fn off_it_is_tokio() {
    let id = std::any::TypeId::of::<tokio::fs::File>();
    assert_eq!(std::any::TypeId::of::<fs::File>(), id);
}

#[cfg(all(feature = "failpoints", unix))]
mod on {
    use super::*;
    use failpoint::Scope;
    use failpoint_disk::{HoldDisk, Keep, SimDisk};
    use std::io::ErrorKind;
    use std::process::{Command, Stdio};
    use std::time::Duration;
    use tokio::time::Instant;

    const EIO: Option<i32> = Some(5);

    /// Runs a test in a real directory, and in a simulated one.
    async fn everywhere(test: impl AsyncFn(&Scope, &Path)) {
        let directory = tempfile::tempdir().unwrap();
        let scope = Scope::new();
        scope.wrap(test(&scope, directory.path())).await;
        let scope = Scope::new();
        scope.hold(SimDisk::new().at("/tokio"));
        scope.wrap(test(&scope, Path::new("/tokio"))).await;
    }

    #[tokio::test]
    async fn a_simulated_disk_is_used() {
        let scope = Scope::new();
        scope.hold(SimDisk::new().at("/all"));
        scope.wrap(use_everything(Path::new("/all"))).await;
    }

    #[tokio::test]
    async fn a_simulated_disk_has_no_symbolic_links() {
        let scope = Scope::new();
        scope.hold(SimDisk::new().at("/links"));
        let made = async |original, link| {
            scope.wrap(fs::symlink(original, link)).await.unwrap_err().raw_os_error()
        };
        assert_eq!(made("/anywhere", "/links/link").await, Some(1), "EPERM");
        assert_eq!(made("/anywhere", "/links").await, Some(17), "EEXIST");
        assert_eq!(made("/anywhere", "/links/missing/link").await, Some(2), "ENOENT");
    }

    #[test]
    fn its_futures_can_be_sent() {
        fn sent<T: Send>(_: T) {}
        fn shared<T: Send + Sync + Unpin>() {}
        shared::<fs::File>();
        sent(fs::remove_dir_all("/x"));
        sent(fs::create_dir_all("/x"));
        sent(fs::copy("/x", "/y"));
        sent(fs::write("/x", "y"));
        sent(fs::symlink("/x", "/y"));
        sent(async {
            let mut file = fs::File::open("/x").await.unwrap();
            file.write_all(b"x").await.unwrap();
            file.sync_all().await.unwrap();
            fs::read_dir("/x").await.unwrap().next_entry().await.unwrap();
        });
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_disk_is_slow_in_tokios_time() {
        let start = Instant::now();
        let scope = Scope::new();
        scope.hold(SimDisk::new().at("/slow"));
        scope
            .wrap(async {
                scope.arm("disk.write", "sleep(1h)").unwrap();
                scope.arm("disk.read", "sleep(1h)").unwrap();
                scope.arm("disk.sync", "sleep(1h)").unwrap();
                scope.arm("disk.rename", "sleep(1h)").unwrap();
                let mut file = fs::File::create("/slow/file").await.unwrap();
                // The thread is not blocked: others go on.
                let other = tokio::time::sleep(Duration::from_secs(60));
                let write = file.write_all(b"x");
                tokio::pin!(write, other);
                tokio::select! {
                    done = &mut write => unreachable!("it takes an hour: {done:?}"),
                    () = &mut other => {}
                }
                assert_eq!(std::fs::read("/slow/file").unwrap_err().kind(), ErrorKind::NotFound);
                write.await.unwrap();
                file.sync_all().await.unwrap();
                fs::rename("/slow/file", "/slow/other").await.unwrap();
                let mut file = fs::File::open("/slow/other").await.unwrap();
                assert_eq!(file.read(&mut [0; 8]).await.unwrap(), 1);
            })
            .await;
        let hours = start.elapsed().as_secs() / 3600;
        assert_eq!(hours, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_never_ends_blocks_no_thread() {
        everywhere(async |scope, root| {
            scope.arm("disk.open", "pause(never)").unwrap();
            let open = fs::File::create(root.join("file"));
            let hour = Duration::from_secs(3600);
            assert!(tokio::time::timeout(hour, open).await.is_err());
        })
        .await;
    }

    #[tokio::test]
    async fn the_values_are_those_of_the_other_file_system() {
        everywhere(async |scope, root| {
            let path = root.join("file");
            let open = || async {
                fs::OpenOptions::new().read(true).write(true).open(root.join("file")).await.unwrap()
            };
            fs::write(&path, "aaaaaaaa").await.unwrap();
            scope
                .arm("disk.write", "1*return(EIO)->1*return(short(3))->1*return(flip(9))")
                .unwrap();
            let mut file = open().await;
            assert_eq!(file.write(b"bbbb").await.unwrap_err().raw_os_error(), EIO);
            assert_eq!(file.write(b"bbbb").await.unwrap(), 3);
            assert_eq!(file.write(b"aaaa").await.unwrap(), 4);
            file.flush().await.unwrap();
            assert_eq!(fs::read(&path).await.unwrap(), b"bbbacaaa");

            scope.arm("disk.read", "1*return(EIO)->1*return(short(3))->1*return(flip(9))").unwrap();
            let mut buffer = [0; 4];
            let mut file = open().await;
            assert_eq!(file.read(&mut buffer).await.unwrap_err().raw_os_error(), EIO);
            assert_eq!(file.read(&mut buffer).await.unwrap(), 3);
            file.read_exact(&mut buffer).await.unwrap();
            assert_eq!(&buffer, b"aaaa", "a flipped bit turns c into a");

            scope.arm("disk.read", "1*return(bad_sector)").unwrap();
            let mut file = open().await;
            assert_eq!(file.read(&mut buffer).await.unwrap_err().raw_os_error(), EIO);
            assert_eq!(fs::read(&path).await.unwrap_err().raw_os_error(), EIO);
            file.write_all(b"cccc").await.unwrap();
            file.flush().await.unwrap();
            assert_eq!(fs::read(&path).await.unwrap(), b"cccccaaa");

            scope.arm("disk.sync", "1*return(lie)->1*return(drop)").unwrap();
            file.sync_all().await.unwrap();
            assert_eq!(file.sync_all().await.unwrap_err().raw_os_error(), EIO);
            file.sync_all().await.unwrap();
            for (point, value) in [("disk.set_len", "EFBIG"), ("disk.metadata", "EACCES")] {
                scope.arm(point, &format!("return({value})")).unwrap();
            }
            assert_eq!(file.set_len(1).await.unwrap_err().kind(), ErrorKind::FileTooLarge);
            let denied = file.metadata().await.unwrap_err();
            assert_eq!(denied.kind(), ErrorKind::PermissionDenied);
        })
        .await;
    }

    #[tokio::test]
    async fn the_offset_of_a_write_is_where_it_starts() {
        everywhere(async |scope, root| {
            scope.arm("disk.write", "when(offset>=4):return(EIO)").unwrap();
            let path = root.join("file");
            let mut file = fs::File::create(&path).await.unwrap();
            file.write_all(b"0123").await.unwrap();
            assert_eq!(file.write(b"4").await.unwrap_err().raw_os_error(), EIO);
            file.seek(std::io::SeekFrom::Start(3)).await.unwrap();
            file.write_all(b"x").await.unwrap();
            file.flush().await.unwrap();
            let mut file = fs::OpenOptions::new().append(true).open(&path).await.unwrap();
            assert_eq!(file.write(b"4").await.unwrap_err().raw_os_error(), EIO);
        })
        .await;
    }

    #[tokio::test]
    async fn a_torn_write_crashes_the_simulated_disk() {
        let disk = SimDisk::new();
        let scope = Scope::new();
        scope.hold(disk.at("/torn"));
        let write = async {
            let mut file = fs::File::create("/torn/file").await.unwrap();
            fs::File::open("/torn").await.unwrap().sync_all().await.unwrap();
            scope.arm("disk.write", "return(torn(3))").unwrap();
            file.write(b"abcdef").await.unwrap_err()
        };
        let error = scope.wrap(write).await;
        assert!(error.to_string().contains("crashed in a torn write"), "{error}");
        let scope = Scope::new();
        scope.hold(disk.crash(Keep::Synced).at("/torn"));
        assert_eq!(scope.wrap(fs::read("/torn/file")).await.unwrap(), b"abc");
    }

    #[test]
    fn a_torn_write_ends_the_step_of_a_simulation() {
        struct Steps;
        impl failpoint::Simulation for Steps {
            fn sleep(&self, _: &str, _: std::time::Duration) {}
        }
        let directory = tempfile::tempdir().unwrap();
        let disk = SimDisk::new();
        let scope = Scope::isolated("torn step");
        scope.simulate(Steps);
        scope.hold(disk.at("/step"));
        scope.arm("disk.write", "return(torn(3))").unwrap();
        for path in [Path::new("/step/file"), &directory.path().join("file")] {
            let step = scope.wrap(async {
                let mut file = fs::File::create(path).await.unwrap();
                let _ = file.write_all(b"abcdef").await;
                unreachable!("the rest of the step");
            });
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let step = std::panic::AssertUnwindSafe(|| runtime.block_on(step));
            let payload = std::panic::catch_unwind(step).unwrap_err();
            let crash = failpoint::InjectedPanic::of(&*payload).unwrap();
            assert_eq!(crash.ending(), Some(failpoint::Ending::Kill));
            assert_eq!(crash.point(), "disk.write");
        }
        assert!(disk.has_crashed());
        assert_eq!(std::fs::read(directory.path().join("file")).unwrap(), b"abc");
    }

    #[tokio::test]
    async fn a_torn_write_to_a_real_file_ends_the_process() {
        const NAME: &str = "on::a_torn_write_to_a_real_file_ends_the_process";
        if let Some(path) = std::env::var_os("THIS_IS_THE_CHILD") {
            let mut file = fs::OpenOptions::new().append(true).open(path).await.unwrap();
            let _armed = failpoint::arm("disk.write", "return(torn(3))").unwrap();
            let written = file.write(b"defghi").await;
            unreachable!("the process is gone, and not: {written:?}");
        }
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "abc").unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", NAME, "--nocapture", "--test-threads=1"]);
        for (variable, _) in std::env::vars() {
            if variable.contains("FAILPOINT") || variable.contains("GOFAIL") {
                command.env_remove(variable);
            }
        }
        let output = command.env("THIS_IS_THE_CHILD", &path).stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && !text.contains("panicked"), "{output:?}");
        assert_eq!(std::fs::read(&path).unwrap(), b"abcdef");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn tasks_see_the_disks_of_their_scopes() {
        let tasks: Vec<_> = (0..100)
            .map(|number: u32| {
                let scope = Scope::new();
                scope.hold(SimDisk::new().at("/tasks"));
                tokio::spawn(scope.wrap(async move {
                    fs::write("/tasks/file", number.to_string()).await.unwrap();
                    tokio::task::yield_now().await;
                    assert_eq!(
                        fs::read_to_string("/tasks/file").await.unwrap(),
                        number.to_string()
                    );
                }))
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        // A task outside has none of them.
        let mount = SimDisk::new().at("/tasks");
        let error = tokio::spawn(fs::read("/tasks/file")).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(mount.strays().len(), 1);
    }
}

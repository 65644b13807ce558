// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.state;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.SecureDirectoryStream;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.GroupPrincipal;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * A directory that holds files of a relay. It is opened once, and every file in it is opened relative to it and never
 * through a link (openat(2) with O_NOFOLLOW), so nobody can put another directory or file in its place meanwhile.
 * <p>
 * {@link #own} is for the relay, which may be root, in a place like /dev/shm where everybody may make files: it trusts
 * a path only when no other user could have made or changed any part of it. {@link #of} is for those who only read:
 * what they see is what the owner of the directory wrote.
 */
public final class StateDirectory implements AutoCloseable {
    /** The size of the pages on tmpfs; files on hugetlbfs have larger ones. */
    public static final int PAGE_BYTES = 4_096;

    private static final Set<PosixFilePermission> DIRECTORY_MODE = PosixFilePermissions.fromString("rwxr-x---");
    private static final Set<PosixFilePermission> FILE_MODE = PosixFilePermissions.fromString("rw-r-----");
    /** Who can read a file can take a shared lock on it, which keeps out the relay's own. */
    private static final Set<PosixFilePermission> LOCK_MODE = PosixFilePermissions.fromString("rw-------");

    private static final Path PROCESS = Path.of("/proc/self");
    /** Links that may lie one behind another in a path, as for the kernel. */
    private static final int LINKS_LIMIT = 40;
    private static final int STICKY = 01000;
    private static final int RESERVE_BYTES = 1 << 20;

    private final Path path;
    private final UserPrincipal owner;
    private final SecureDirectoryStream<Path> stream;

    /** Somebody else could decide what is in the directory. */
    public static final class Untrusted extends IOException {
        private Untrusted(final String message) {
            super(message);
        }
    }

    /** The file system has no room for a file, all of which is set aside when it is made. */
    public static final class Full extends IOException {
        private Full(final String message, final IOException cause) {
            super(message, cause);
        }
    }

    private StateDirectory(final Path path, final UserPrincipal owner, final SecureDirectoryStream<Path> stream) {
        this.path = path;
        this.owner = owner;
        this.stream = stream;
    }

    /** Makes the directory, for its owner and those of his group, where it is not there yet. Its parent is there. */
    public static void make(final Path path) throws IOException {
        final Path place = trusted(path.toAbsolutePath().normalize().getParent(), 0).resolve(path.getFileName());
        if (!Files.exists(place, LinkOption.NOFOLLOW_LINKS)) {
            Files.createDirectory(place, PosixFilePermissions.asFileAttribute(DIRECTORY_MODE));
        }
    }

    /**
     * Opens the directory of this process's user, to write.
     *
     * @throws Untrusted when the directory is another user's, others may write to it, or somebody else than this user
     *     and root could replace it
     */
    public static StateDirectory own(final Path path) throws IOException {
        final Path whole = path.toAbsolutePath().normalize();
        final StateDirectory directory = open(trusted(whole.getParent(), 0).resolve(whole.getFileName()));
        try {
            final PosixFileAttributes found =
                    directory.stream.getFileAttributeView(PosixFileAttributeView.class).readAttributes();
            if (!found.owner().equals(Files.getOwner(PROCESS))) {
                throw new Untrusted(whole + " belongs to " + found.owner().getName() + ", and this process is "
                        + Files.getOwner(PROCESS).getName());
            }
            if (found.permissions().contains(PosixFilePermission.OTHERS_WRITE)
                    || found.permissions().contains(PosixFilePermission.GROUP_WRITE)) {
                throw new Untrusted(whole + " may be written to by others than its owner ("
                        + PosixFilePermissions.toString(found.permissions()) + ")");
            }
            return directory;
        } catch (final IOException e) {
            directory.close();
            throw e;
        }
    }

    /** Opens the directory to read, whoever owns it. */
    public static StateDirectory of(final Path path) throws IOException {
        final Path whole = path.toAbsolutePath().normalize();
        return open(whole.getParent().toRealPath().resolve(whole.getFileName()));
    }

    private static StateDirectory open(final Path path) throws IOException {
        try (DirectoryStream<Path> parent = Files.newDirectoryStream(path.getParent())) {
            final SecureDirectoryStream<Path> stream = secure(parent).newDirectoryStream(
                    path.getFileName(), LinkOption.NOFOLLOW_LINKS);
            return new StateDirectory(path,
                    stream.getFileAttributeView(PosixFileAttributeView.class).readAttributes().owner(), stream);
        } catch (final NotDirectoryException | FileSystemLoopException e) {
            throw new Untrusted(path + " is no directory");
        } catch (final NoSuchFileException e) {
            throw new NoSuchFileException(path.toString());
        } catch (final FileSystemException e) {
            if (Files.isSymbolicLink(path)) {
                throw new Untrusted(path + " is a link, not a directory");
            }
            throw e;
        }
    }

    /** Linux's directory streams are of this kind. */
    private static SecureDirectoryStream<Path> secure(final DirectoryStream<Path> stream) {
        return (SecureDirectoryStream<Path>) stream;
    }

    /**
     * The same directory by a path without links, when nobody but this user and root could have made any part of it
     * lead elsewhere, or can from now on. Then what was found here is still so when the path is opened.
     */
    private static Path trusted(final Path path, final int links) throws IOException {
        Path at = path.getRoot();
        checkComponent(at);
        for (int name = 0; name < path.getNameCount(); name++) {
            at = at.resolve(path.getName(name));
            if (checkComponent(at)) {
                if (links == LINKS_LIMIT) {
                    throw new FileSystemLoopException(path.toString());
                }
                at = trusted(at.resolveSibling(Files.readSymbolicLink(at)).normalize(), links + 1);
            }
        }
        return at;
    }

    /** @return whether it is a link */
    private static boolean checkComponent(final Path path) throws IOException {
        final PosixFileAttributes found =
                Files.readAttributes(path, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        // Whoever owns the root directory owns the host: root, and in a user namespace whoever stands for root there.
        if (!found.owner().equals(Files.getOwner(PROCESS)) && !found.owner().equals(Files.getOwner(path.getRoot()))) {
            throw new Untrusted(path + " belongs to " + found.owner().getName() + ", who could replace what is below");
        }
        if (found.isSymbolicLink()) {
            return true;
        }
        final GroupPrincipal own = Files.readAttributes(PROCESS, PosixFileAttributes.class).group();
        final boolean writable = found.permissions().contains(PosixFilePermission.OTHERS_WRITE)
                || found.permissions().contains(PosixFilePermission.GROUP_WRITE) && !found.group().equals(own);
        // In a sticky directory only its owner and an entry's own can replace the entry.
        if (writable && ((int) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS) & STICKY) == 0) {
            throw new Untrusted("others may write to " + path + " and replace what is below ("
                    + PosixFilePermissions.toString(found.permissions()) + ", not sticky)");
        }
        return false;
    }

    /** Opens a file to read. @throws IOException also for what is no regular file of the directory's owner */
    public FileChannel read(final String name) throws IOException {
        check(name);
        return open(name, Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS));
    }

    /** Opens a file to read and write. @throws IOException as for {@link #read} */
    public FileChannel write(final String name) throws IOException {
        check(name);
        return open(name, Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS));
    }

    /** Opens the file that a lock is taken on, which is made when it is not there and holds nothing. */
    public FileChannel lock(final String name) throws IOException {
        if (exists(name)) {
            check(name);
        }
        return open(name, Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS),
                PosixFilePermissions.asFileAttribute(LOCK_MODE));
    }

    /** A link may hide something else, and a pipe would hold up whoever opens it, so neither is opened. */
    private void check(final String name) throws IOException {
        final PosixFileAttributes found = attributes(name);
        if (!found.isRegularFile()) {
            throw new Untrusted(path.resolve(name) + " is "
                    + (found.isSymbolicLink() ? "a link" : "not a regular file"));
        }
        if (!found.owner().equals(owner)) {
            throw new Untrusted(path.resolve(name) + " belongs to " + found.owner().getName()
                    + ", and the directory to " + owner.getName());
        }
    }

    private PosixFileAttributes attributes(final String name) throws IOException {
        try {
            return stream.getFileAttributeView(Path.of(name), PosixFileAttributeView.class, LinkOption.NOFOLLOW_LINKS)
                    .readAttributes();
        } catch (final NoSuchFileException e) {
            throw new NoSuchFileException(path.resolve(name).toString());
        }
    }

    private FileChannel open(final String name, final Set<? extends OpenOption> options,
                             final FileAttribute<?>... attributes) throws IOException {
        final SeekableByteChannel channel = stream.newByteChannel(Path.of(name), options, attributes);
        return (FileChannel) channel; // the JDK's directory streams open no other kind
    }

    /**
     * Writes a new file of zeros in place of what is there and maps it; who has the old one mapped keeps that. Its
     * memory is the process's from now on, so a store to it never meets a full file system (SIGBUS).
     *
     * @param granularity the file's size is the next multiple of this: {@link #PAGE_BYTES}, or the huge page size on
     *     hugetlbfs
     * @throws Full when there is no room for all of it; then no file is left
     */
    public MemorySegment create(final String name, final long size, final long granularity, final Arena arena)
            throws IOException {
        final long whole = (size + granularity - 1) / granularity * granularity;
        try (FileChannel channel = create(name)) {
            return map(channel, name, whole, granularity, arena);
        }
    }

    /** Writes a new, empty file in place of what is there. */
    public FileChannel create(final String name) throws IOException {
        delete(name);
        return open(name, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE,
                LinkOption.NOFOLLOW_LINKS), PosixFilePermissions.asFileAttribute(FILE_MODE));
    }

    private MemorySegment map(final FileChannel channel, final String name, final long size, final long granularity,
                              final Arena arena) throws IOException {
        final long left = Files.getFileStore(path).getUsableSpace();
        try {
            // Huge pages are set aside by the mapping itself, and hugetlbfs has no write(2).
            if (granularity == PAGE_BYTES) {
                reserve(channel, size);
            }
            return channel.map(FileChannel.MapMode.READ_WRITE, 0, size, arena);
        } catch (final IOException e) {
            delete(name);
            throw new Full(path.resolve(name) + " takes " + mebibytes(size) + " and its file system has "
                    + mebibytes(left) + " left (" + e.getMessage() + ")", e);
        }
    }

    /** A file that was written has its memory; one that was only made long has holes. */
    private static void reserve(final FileChannel channel, final long size) throws IOException {
        final ByteBuffer zeros = ByteBuffer.allocateDirect(RESERVE_BYTES);
        for (long at = 0; at < size;) {
            at += channel.write(zeros.clear().limit((int) Math.min(zeros.capacity(), size - at)), at);
        }
    }

    private static String mebibytes(final long bytes) {
        return (bytes + (1 << 20) - 1 >> 20) + " MiB";
    }

    /** What is in the directory now. Once only: the kernel reads an open directory from its start to its end. */
    public List<String> names() {
        final List<String> names = new ArrayList<>();
        stream.forEach(entry -> names.add(entry.getFileName().toString()));
        return names;
    }

    /** Whether there is something of this name, be it a link that leads nowhere. */
    public boolean exists(final String name) throws IOException {
        try {
            attributes(name);
            return true;
        } catch (final NoSuchFileException e) {
            return false;
        }
    }

    /** Gives a file another name, in place of what has it: who opens that finds the one file or the other. */
    public void rename(final String from, final String to) throws IOException {
        stream.move(Path.of(from), stream, Path.of(to));
    }

    /** Removes a file, or a link itself. @return whether there was one */
    public boolean delete(final String name) throws IOException {
        try {
            stream.deleteFile(Path.of(name));
            return true;
        } catch (final NoSuchFileException e) {
            return false;
        }
    }

    @Override
    public void close() throws IOException {
        stream.close();
    }
}

//! Who a container runs as: the task definition's user string, resolved in the container's own passwd and
//! group files.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

use crate::limits::PASSWD_BYTES_MAX;
use crate::oci::Identity;

/// Resolves user, user:group, uid, uid:gid, user:gid or uid:group. The error is the text that runtimes give.
pub(crate) fn resolve(root: &OwnedFd, user: &str) -> Result<Identity, String> {
    let passwd = read(root, "etc/passwd").map_err(|error| format!("reading /etc/passwd: {error}"))?;
    let group = read(root, "etc/group").map_err(|error| format!("reading /etc/group: {error}"))?;
    resolve_in(user, &passwd, &group)
}

/// A missing file is an empty one, as in an image from scratch.
fn read(root: &OwnedFd, path: &str) -> io::Result<String> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    // The image's own links must not lead out of its root.
    match openat2(root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS) {
        Ok(file) => {
            let mut bytes = Vec::new();
            io::Read::read_to_end(
                &mut io::Read::take(std::fs::File::from(file), PASSWD_BYTES_MAX),
                &mut bytes,
            )?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => Ok(String::new()),
        Err(error) => Err(error.into()),
    }
}

fn resolve_in(user: &str, passwd: &str, group: &str) -> Result<Identity, String> {
    let (user, wanted_group) = user.split_once(':').unwrap_or((user, ""));
    let user = if user.is_empty() { "0" } else { user };
    let number = user.parse::<u32>().ok();
    let entry = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| {
        fields.len() >= 4 && (fields[0] == user || number.is_some_and(|uid| fields[2].parse() == Ok(uid)))
    });
    let uid = match (&entry, number) {
        (Some(fields), _) => fields[2].parse().map_err(|_| format!("user {user} has no valid uid"))?,
        (None, Some(uid)) => uid,
        (None, None) => {
            return Err(format!("unable to find user {user}: no matching entries in passwd file"));
        }
    };
    let name = entry.as_ref().map_or("", |fields| fields[0]);
    let mut identity = Identity {
        uid,
        gid: entry.as_ref().and_then(|fields| fields[3].parse().ok()).unwrap_or(0),
        additional_gids: Vec::new(),
        home: entry
            .as_ref()
            .and_then(|fields| fields.get(5))
            .filter(|home| !home.is_empty())
            .unwrap_or(&"/")
            .to_string(),
    };
    let groups =
        || group.lines().map(|line| line.split(':').collect::<Vec<_>>()).filter(|fields| fields.len() >= 3);
    if wanted_group.is_empty() {
        // As Docker: additional groups come with the user, but not when a group is chosen.
        let member = |fields: &Vec<&str>| {
            !name.is_empty()
                && fields.get(3).is_some_and(|members| members.split(',').any(|one| one.trim() == name))
        };
        identity.additional_gids =
            groups().filter(member).filter_map(|fields| fields[2].parse().ok()).collect();
        return Ok(identity);
    }
    let number = wanted_group.parse::<u32>().ok();
    let found = groups().find(|fields| fields[0] == wanted_group).and_then(|fields| fields[2].parse().ok());
    identity.gid = found
        .or(number)
        .ok_or_else(|| format!("unable to find group {wanted_group}: no matching entries in group file"))?;
    Ok(identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n";
    const GROUP: &str = "root:x:0:\napp:x:1001:\nextra:x:50:other,app\n";

    fn check(user: &str, expect: &str) {
        let got = match resolve_in(user, PASSWD, GROUP) {
            Ok(who) => format!("{}:{} {:?} {}", who.uid, who.gid, who.additional_gids, who.home),
            Err(error) => error,
        };
        assert_eq!(got, expect, "{user:?}");
    }

    #[test]
    fn every_form_of_a_user_resolves_as_docker_does() {
        check("", "0:0 [] /root");
        check("app", "1000:1001 [50] /home/app");
        check("1000", "1000:1001 [50] /home/app");
        check("app:extra", "1000:50 [] /home/app");
        check("app:7", "1000:7 [] /home/app");
        check("4711", "4711:0 [] /");
        check("4711:4712", "4711:4712 [] /");
        check("4711:extra", "4711:50 [] /");
        check("nobody", "unable to find user nobody: no matching entries in passwd file");
        check("app:none", "unable to find group none: no matching entries in group file");
    }
}

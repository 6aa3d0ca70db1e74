# SPDX-License-Identifier: MIT
# For scripts to source: use Debian's archive of another suite than this machine's, without changing the
# machine. Needs apt-get and Debian's keyring, but not root.

# archive_open DIRECTORY SUITE: set "${apt[@]}" to an apt-get for that suite, which acts as if nothing were
# installed. Everything that it downloads stays in DIRECTORY. Fails if that is not possible.
archive_open() {
	local archive
	command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
	# The archive that this machine installs from; only the suite is another.
	archive=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Label: Debian' |
		head -n 1)
	[ -n "$archive" ] || return 1
	mkdir -p "$1"/{lists,archives}/partial
	: >"$1/status"
	cat >"$1/debian.sources" <<-END
		Types: deb deb-src
		URIs: $archive
		Suites: $2
		Components: main
		Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
	END
	apt=(apt-get -qq
		-o "Dir::Etc::SourceList=$1/debian.sources" -o Dir::Etc::SourceParts=-
		-o "Dir::State=$1" -o "Dir::State::Status=$1/status"
		-o "Dir::Cache=$1" -o Debug::NoLocking=1 -o APT::Sandbox::User=
		-o APT::Update::Post-Invoke= -o APT::Update::Post-Invoke-Success=)
	"${apt[@]}" update >&2
}

# archive_close DIRECTORY: remove what archive_open() left there; keep what was made from it.
archive_close() {
	rm -rf "$1"/{lists,archives,status,debian.sources,pkgcache.bin,srcpkgcache.bin}
}

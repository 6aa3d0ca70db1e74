# SPDX-License-Identifier: MIT
# For scripts to source: Debian's archive of another suite than this machine's, without touching the machine.
# Takes apt-get and Debian's keyring, not root.

# archive_open DIRECTORY SUITE: afterwards "${apt[@]}" is an apt-get of that suite, of a machine where nothing
# is installed. All that it brings stays in DIRECTORY. Fails where that cannot be.
archive_open() {
	local archive
	command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
	# The archive that this machine installs from, under another suite's name.
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

# What archive_open() left in DIRECTORY beside what was made of it.
archive_close() {
	rm -rf "$1"/{lists,archives,status,debian.sources,pkgcache.bin,srcpkgcache.bin}
}

"""The commit of a working copy, read from its files."""

from reveil.commit import commit_of

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def repository(folder, head):
    (folder / ".git").mkdir(parents=True)
    (folder / ".git/HEAD").write_text(head + "\n")
    return folder


def test_of_a_branch(tmp_path):
    copy = repository(tmp_path, "ref: refs/heads/main")
    (copy / ".git/refs/heads").mkdir(parents=True)
    (copy / ".git/refs/heads/main").write_text(COMMIT + "\n")
    assert commit_of(copy) == COMMIT[:12]


def test_of_a_packed_branch_whose_name_ends_as_another(tmp_path):
    copy = repository(tmp_path, "ref: refs/heads/main")
    lines = ["# pack-refs with: peeled", "f" * 40 + " refs/heads/old/refs/heads/main",
             COMMIT + " refs/heads/main"]  # fmt: skip
    (copy / ".git/packed-refs").write_text("\n".join(lines) + "\n")
    assert commit_of(copy) == COMMIT[:12]


def test_of_a_detached_head(tmp_path):
    assert commit_of(repository(tmp_path, COMMIT)) == COMMIT[:12]


def test_of_a_further_working_tree(tmp_path):
    main = repository(tmp_path / "main", "ref: refs/heads/main")
    own = main / ".git/worktrees/side"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/side\n")
    (own / "commondir").write_text("../..\n")
    (main / ".git/refs/heads").mkdir(parents=True)
    (main / ".git/refs/heads/side").write_text(COMMIT + "\n")
    side = tmp_path / "side"
    side.mkdir()
    (side / ".git").write_text(f"gitdir: {own}\n")
    assert commit_of(side) == COMMIT[:12]


def test_where_there_is_none(tmp_path):
    assert commit_of(tmp_path) == ""
    assert commit_of(repository(tmp_path / "new", "ref: refs/heads/main")) == ""

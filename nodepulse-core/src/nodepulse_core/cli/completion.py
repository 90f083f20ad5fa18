"""`nodepulse completion`: what makes a shell complete commands, options, targets and exporters."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_VARIABLE = "_NODEPULSE_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes SHELL complete commands, options, targets and exporters.

    bash: put `eval "$(nodepulse completion bash)"` in ~/.bashrc; bash 4.4 or newer.

    zsh: put `eval "$(nodepulse completion zsh)"` in ~/.zshrc, after compinit.

    fish: nodepulse completion fish > ~/.config/fish/completions/nodepulse.fish
    """
    made = get_completion_class(shell)
    if made is None:  # pragma: no cover - click knows all three
        raise click.BadParameter(f"there is no completion for {shell}")
    root = ctx.find_root()
    click.echo(made(root.command, {}, "nodepulse", _VARIABLE).source())

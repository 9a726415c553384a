#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# browser.pl CHROMIUM PROFILE PAGE...: opens each PAGE in a headless Chromium,
# over its DevTools pipe, and prints a line for each thing that is wrong: an
# error on its console, a request beside the page itself, a script or a dialog,
# text that sticks out or is cut off at 1280 or 800 pixels, or at the 703 that
# A4 has between its margins.  Prints PAGE on A4 to PAGE.pdf.
# Exits 1 if anything was wrong, 2 when there was no browser to ask.
use strict;
use warnings;
use Cwd qw(abs_path);
use Fcntl;
use IO::Select;
use JSON::PP;
use MIME::Base64;

my ($chromium, $profile, @pages) = @ARGV;
my $json = JSON::PP->new->utf8;
my ($bad, $id, $rest, @seen) = (0, 0, '');

sub gone { print STDERR "browser: $_[0]\n"; exit 2 }
sub wrong { print "$_[0]\n"; $bad = 1 }

# --- the pipe: JSON, each with a NUL behind it; Chromium reads 3, writes 4
pipe(my $cmd_out, my $cmd_in) or die "pipe: $!";
pipe(my $ans_out, my $ans_in) or die "pipe: $!";
my $pid = fork() // die "fork: $!";
if (!$pid) {
	# clear of 3 and 4 first
	my $from = fcntl($cmd_out, F_DUPFD, 10) or die "dup: $!";
	my $to = fcntl($ans_in, F_DUPFD, 10) or die "dup: $!";
	require POSIX;
	POSIX::dup2($from, 3) && POSIX::dup2($to, 4) or die "dup2: $!";
	open STDERR, '>', "$profile.log";
	exec $chromium, '--headless=new', '--no-sandbox', '--disable-gpu',
		'--disable-dev-shm-usage', '--no-first-run',
		'--disable-background-networking', '--disable-extensions',
		'--disable-component-update', '--no-default-browser-check',
		"--user-data-dir=$profile", '--remote-debugging-pipe',
		'about:blank' or POSIX::_exit(127);
}
close $cmd_out;
close $ans_in;
END { if ($pid) { my $rc = $?; kill 'TERM', $pid; waitpid $pid, 0; $? = $rc } }
$SIG{PIPE} = 'IGNORE';
my $ready = IO::Select->new($ans_out);

# The next message; after 90 s without one, there is no browser.
sub message {
	my $end;
	while (($end = index $rest, "\0") < 0) {
		$ready->can_read(90) or gone('it does not answer');
		sysread($ans_out, $rest, 1 << 20, length $rest)
			or gone('it ended');
	}
	my $text = substr $rest, 0, $end + 1, '';
	chop $text;
	return $json->decode($text);
}

# The result of METHOD; events that come meanwhile are kept in @seen.
sub call {
	my ($method, $params, $session) = @_;
	my $o = { id => ++$id, method => $method, params => $params // {} };
	$o->{sessionId} = $session if $session;
	syswrite($cmd_in, $json->encode($o) . "\0") or gone('it ended');
	while (1) {
		my $m = message();
		if (($m->{id} // 0) != $id) { push @seen, $m; next }
		gone("$method: $m->{error}{message}") if $m->{error};
		return $m->{result};
	}
}

sub wait_for {
	my ($method) = @_;
	until (grep { ($_->{method} // '') eq $method } @seen) {
		push @seen, message();
	}
}

# Which elements stick out of the page, or are cut off where they stand.
my $sticks = <<'JS';
(() => {
  const out = [];
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width)
    out.push('the page is ' + document.documentElement.scrollWidth + ' wide');
  for (const e of document.querySelectorAll('body *')) {
    const r = e.getBoundingClientRect();
    if (e.closest('defs') || (!r.width && !r.height)) continue;
    const name = e.tagName + ' "' + e.textContent.slice(0, 30) + '"';
    if (r.right > width + 1 || r.left < -1) out.push(name + ' sticks out');
    else if (e instanceof HTMLElement && e.scrollWidth > e.clientWidth + 1 &&
             getComputedStyle(e).overflowX === 'hidden')
      out.push(name + ' is cut off');
  }
  return out.slice(0, 5);
})()
JS

sub at_width {
	my ($page, $s, $w) = @_;
	call('Emulation.setDeviceMetricsOverride',
		{ width => $w, height => 900, deviceScaleFactor => 1,
			mobile => JSON::PP::false }, $s);
	my $r = call('Runtime.evaluate',
		{ expression => $sticks, returnByValue => JSON::PP::true }, $s);
	gone('the page could not be measured')
		unless ref $r->{result}{value} eq 'ARRAY';
	wrong("$page: at $w px: $_") for @{ $r->{result}{value} };
}

sub what_came {
	my ($page, $url) = @_;
	for my $m (@seen) {
		my ($what, $p) = ($m->{method} // '', $m->{params});
		if ($what eq 'Network.requestWillBeSent') {
			wrong("$page: asks for $p->{request}{url}")
				unless $p->{request}{url} eq $url;
		} elsif ($what eq 'Log.entryAdded') {
			wrong("$page: $p->{entry}{level}: $p->{entry}{text}");
		} elsif ($what =~ /^(Runtime\.(consoleAPICalled|exceptionThrown)|
			Page\.javascriptDialogOpening)$/x) {
			wrong("$page: $what");
		}
	}
}

sub look {
	my ($page) = @_;
	my $url = 'file://' . abs_path($page);
	@seen = ();
	my $t = call('Target.createTarget', { url => 'about:blank' })->{targetId};
	my $s = call('Target.attachToTarget',
		{ targetId => $t, flatten => JSON::PP::true })->{sessionId};
	call("$_.enable", {}, $s) for qw(Page Network Log Runtime);
	@seen = ();
	my $r = call('Page.navigate', { url => $url }, $s);
	gone("$page: $r->{errorText}") if $r->{errorText};
	wait_for('Page.loadEventFired');
	at_width($page, $s, $_) for 1280, 800;
	call('Emulation.setEmulatedMedia', { media => 'print' }, $s);
	at_width($page, $s, 703);
	call('Emulation.setEmulatedMedia', { media => '' }, $s);
	call('Emulation.clearDeviceMetricsOverride', {}, $s);
	$r = call('Page.printToPDF',
		{ paperWidth => 8.27, paperHeight => 11.69,
			preferCSSPageSize => JSON::PP::true }, $s);
	open my $f, '>:raw', "$page.pdf" or die "$page.pdf: $!";
	print $f decode_base64($r->{data});
	close $f or die "$page.pdf: $!";
	what_came($page, $url);
	call('Target.closeTarget', { targetId => $t });
}

look($_) for @pages;
exit $bad;

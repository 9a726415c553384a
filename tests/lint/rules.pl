#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Our own rules for C: patterns that must not stand in the code, and what to
# use instead.  usage: rules.pl FILE...
#
# Code is looked at without comments and strings; "text" rules look into the
# strings alone.  A line is let pass by a comment on it, or on the line before,
# that says why: /* allowed: ... */.  A bare "allowed:" without a reason does
# not count.
use strict;
use warnings;

# [name, "code" or "text", pattern, where it may stand (or undef), sentence]
my @rules = (
	['banned', 'code',
	 qr/\b(?:strcpy|strcat|strncat|sprintf|vsprintf|gets|strtok|strtok_r|
	     alloca|atoi|atol|atoll|atof|system|popen|tmpnam|mktemp|tempnam|
	     scanf|fscanf|gethostbyname|asctime|ctime|bcopy|bzero)\s*\(/x,
	 undef,
	 'banned: mem_printf(), struct buf, strtol() with a check, core/proc'],
	['process', 'code',
	 qr/\b(?:v?fork|exec[lv]p?e?|execvpe|fexecve|execveat|posix_spawnp?|
	     clone3?|daemon)\s*\(/x,
	 qr{^src/core/proc\.c$},
	 'only core/proc starts processes: proc_run(), proc_open()'],
	['durable', 'code',
	 qr/\b(?:rename|renameat2?|fsync|fdatasync|syncfs|sync_file_range|
	     SYS_renameat2?|SYS_rename)\b(?=\s*[(,])/x,
	 qr{^src/core/fs\.c$},
	 'only core/fs renames and syncs: fs_rename(), fs_fsync(), ' .
	 'fs_write_atomic()'],
	['memory', 'code',
	 qr/(?<![.>])\b(?:malloc|calloc|realloc|reallocarray|strdup|strndup|
	     asprintf|vasprintf|free|getline|getdelim|posix_memalign|
	     aligned_alloc)\s*\(/x,
	 qr{^src/core/mem\.c$},
	 'only core/mem allocates: mem_calloc(), mem_strdup(), mem_free()'],
	['mysql', 'code', qr/\bmysql_\w+\s*\(/,
	 qr{^src/db/},
	 'only db/ speaks MySQL: db/db.h'],
	['sql', 'text',
	 qr/\bSELECT\b.*\bFROM\b|\bINSERT\s+(?:IGNORE\s+)?INTO\b|
	    \bUPDATE\s+\w+(?:\s+\w+)?\s+SET\b|\bDELETE\s+FROM\b/xs,
	 undef,
	 'SQL stands in sql/, where a database administrator can read it'],
	['default', 'code', qr/\bdefault\s*:/,
	 undef,
	 'no default: in a switch over our enums, so that -Wswitch sees a ' .
	 'missing case'],
	['shell', 'text', qr{(?:^|[\s/])(?:ba|da|z)?sh\s+-c\b|^/bin/(?:ba|da)?sh$}m,
	 undef,
	 'no shell, anywhere: argv arrays'],
	['typedef', 'code', qr/\btypedef\s+struct\b/,
	 undef, 'no typedefs for structs'],
	['vla', 'code', qr/\bgoto\s+\*|\bsetjmp\b|\blongjmp\b/,
	 undef, 'no jumps out of functions'],
);

# Blanks comments and strings in CODE, keeping newlines, and collects both.
sub split_source {
	my ($src) = @_;
	my (%text, %comment);
	my $line = 1;
	my $code = '';

	while ($src =~ m{\G(
			(?<c>/\*.*?\*/|//[^\n]*)
			|(?<s>"(?:[^"\\\n]|\\.)*")
			|(?<q>'(?:[^'\\\n]|\\.)*')
			|(?<o>[^/"']+|.)
		)}gcxs) {
		my $piece = $1;
		my $lines = ($piece =~ tr/\n//);

		if (defined $+{c}) {
			$comment{$line + $_} .= $piece for 0 .. $lines;
			$code .= "\n" x $lines . ' ';
		} elsif (defined $+{s}) {
			$text{$line} .= substr($piece, 1, -1) . "\n";
			# Escaped newlines inside the string keep the count.
			$code .= '""' . "\n" x $lines;
		} elsif (defined $+{q}) {
			$code .= "' '";
		} else {
			$code .= $piece;
		}
		$line += $lines;
	}
	return ($code, \%text, \%comment);
}

# Adjacent lines of one string literal are one text, told at its first line.
sub texts {
	my ($text) = @_;
	my @out;
	my $last = -1;

	for my $n (sort { $a <=> $b } keys %$text) {
		if ($n == $last + 1) {
			$out[-1][1] .= $text->{$n};
		} else {
			push @out, [$n, $text->{$n}];
		}
		$last = $n;
	}
	return @out;
}

my $bad = 0;

for my $file (@ARGV) {
	open my $fh, '<', $file or die "$file: $!\n";
	my $src = do { local $/; <$fh> };
	close $fh;
	my ($code, $text, $comment) = split_source($src);
	my @lines = split /\n/, $code, -1;
	my @texts = texts($text);

	for my $r (@rules) {
		my ($name, $what, $pattern, $where, $sentence) = @$r;
		my @found;

		next if defined $where && $file =~ $where;
		if ($what eq 'code') {
			@found = grep { $lines[$_ - 1] =~ $pattern }
				1 .. @lines;
		} else {
			@found = map { $_->[0] }
				grep { $_->[1] =~ $pattern } @texts;
		}
		for my $n (@found) {
			my $said = ($comment->{$n} // '') .
				($comment->{$n - 1} // '');

			next if $said =~ /allowed:\s*\w+/;
			# Includes and attributes name functions, too.
			next if $lines[$n - 1] =~ /^\s*#\s*(?:include|define)/;
			print "$file:$n: $name: $sentence\n";
			$bad = 1;
		}
	}
}
exit $bad;

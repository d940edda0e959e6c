package Judge;

# Who is asked before a change, and told after it: a change that says "veto" is
# refused, and the deletion of what says "keep".  Some answers take a while.

use strict;
use warnings;

use parent -norequire, 'Receiver';

use Receiver;
use Time::HiRes qw/ time /;

my %Text = (200 => 'OK', 403 => 'Forbidden');


sub request {
    my ($self, $c, $path, $text, $id) = @_;
    my ($action) = $text =~ /"action":"(\w+)"/;
    my ($data) = $text =~ /"data":(\{.*?\})/;
    my ($mark) = ($data // '') =~ /"mark":"(\w+)"/;
    my $refused = $path =~ /before/
                  && ($action eq 'deleted' ? $data =~ /"keep":true/
                                           : $data =~ /"veto":true/);
    my $status = $refused ? 403 : 200;
    my $answer = "HTTP/1.1 $status $Text{$status}\r\nContent-Length: 0\r\n\r\n";

    $self->{n}++;
    push @{ $self->{arrivals} }, [ $id, $path, $action, $mark ];

    return $self->later($c, $answer, undef, rand(0.05))
        if rand() < $self->{late};

    $self->write($c, $answer);
}


1;

module sendbrief/bench/smtppool

go 1.19

require github.com/knadh/smtppool v1.3.0

//! An estimate, for people: a line for each row of the price table.

use anstyle::Style;

use super::Ui;
use crate::cost::{Amount, Estimate, Line, Money};

const STRONG: Style = Style::new().bold();

/// Shows every line, the sums, and what was assumed.
pub fn show(ui: &Ui, estimate: &Estimate) {
    lines(estimate).iter().for_each(|line| ui.data(line));
}

fn lines(estimate: &Estimate) -> Vec<String> {
    let mut lines =
        vec![format!("{STRONG}{:<46} {:>9} {:>9}  price{STRONG:#}", "US dollars a month", "idle", "typical")];
    lines.extend(estimate.lines.iter().map(line));
    lines.push(format!("{STRONG}{:<46} {:>9} {:>9}{STRONG:#}", "All together", estimate.idle, estimate.typical));
    lines.push(String::new());
    lines.extend(estimate.assumptions.iter().cloned());
    lines
}

fn line(line: &Line) -> String {
    let what = format!("{} {}", line.part, line.what);
    format!("{what:<46} {:>9} {:>9}  {}", shown(line.idle), shown(line.typical), price(line))
}

/// Less than a cent is told apart from nothing.
fn shown(money: Money) -> String {
    if money > Money::default() && money < Money::micros(5_000) { "< $0.01".into() } else { money.to_string() }
}

/// `$0.60 for 1,000,000 requests, 1,010,000 used (waf.request, seen)`.
fn price(line: &Line) -> String {
    if line.unit_price == Money::default() {
        return format!("free ({}, {})", line.row, line.verified.word());
    }
    let units = match line.per {
        1 => format!("each {}", line.unit),
        per => format!("for {} {}s", Amount::of(per), line.unit),
    };
    let free = match line.free {
        0 => String::new(),
        free => format!(", the first {} free", Amount::of(free)),
    };
    let used = line.typical_quantity;
    format!("{} {units}{free}; {used} used ({}, {})", line.unit_price.exact(), line.row, line.verified.word())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::{Assumptions, Component, estimate};

    fn shown_for(components: &[Component]) -> Vec<String> {
        let lines = lines(&estimate(components, "us-east-1", &Assumptions::default()));
        lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn every_line_says_what_it_comes_from() {
        let lines = shown_for(&[Component::WebAcl { rules: 3 }, Component::Alarm, Component::Trail]);
        let expected = [
            "US dollars a month                                  idle   typical  price",
            "WAF web ACL                                        $5.00     $5.00  $5.00 each ACL; 1 used (waf.acl, seen)",
            "WAF rules                                          $3.00     $3.00  $1.00 each rule; 3 used (waf.rule, seen)",
            "WAF requests looked at                             $0.00     $0.61  $0.60 for 1,000,000 requests; 1,010,000 \
             used (waf.request, seen)",
            "CloudWatch alarms                                  $0.00     $0.00  $0.10 each alarm, the first 10 free; 1 \
             used (cloudwatch.alarm, seen)",
            "CloudTrail first trail of management events        $0.00     $0.00  free (cloudtrail.event, unverified)",
            "All together                                       $8.00     $8.61",
        ];
        assert_eq!(lines[..7], expected);
    }
}

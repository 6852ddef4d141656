//! Which objects of a balancer's configuration may differ between two snapshots.

use std::collections::BTreeSet;

use state_model::acm::Certificate;
use state_model::ec2::SecurityGroup;
use state_model::elbv2::action::Action;
use state_model::elbv2::target_group::target_group_key;
use state_model::elbv2::{LoadBalancer, LoadBalancerPlacement, Target};
use state_model::record::Record;
use state_tables::{Changed, View};

/// Keys of what is to be built anew.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Affected {
    pub load_balancers: BTreeSet<String>,
    pub target_groups: BTreeSet<String>,
}

impl Affected {
    pub fn is_empty(&self) -> bool {
        self.load_balancers.is_empty() && self.target_groups.is_empty()
    }

    pub fn add(&mut self, other: Self) {
        self.load_balancers.extend(other.load_balancers);
        self.target_groups.extend(other.target_groups);
    }

    /// All there is.
    pub fn everything(view: &View) -> Self {
        Self {
            load_balancers: view.elb_load_balancers.iter().map(|(key, _)| key.to_owned()).collect(),
            target_groups: view.elb_target_groups.iter().map(|(key, _)| key.to_owned()).collect(),
        }
    }

    /// What a change from `before` to `after` touches. Costs what has changed, however much there is.
    pub fn between(before: &View, after: &View) -> Self {
        let mut affected = Self::default();
        for changed in after.elb_load_balancers.changed_since(&before.elb_load_balancers) {
            affected.load_balancers.insert(changed.key.to_owned());
        }
        for changed in after.elb_listeners.changed_since(&before.elb_listeners) {
            for listener in changed.before.into_iter().chain(changed.after) {
                affected.load_balancers.insert(listener.scope.key(&listener.load_balancer));
                affected.forwards(&listener.default_action);
            }
        }
        for changed in after.elb_rules.changed_since(&before.elb_rules) {
            for rule in changed.before.into_iter().chain(changed.after) {
                affected.load_balancers.insert(rule.scope.key(rule.load_balancer()));
                affected.forwards(&rule.action);
            }
        }
        for changed in after.elb_target_groups.changed_since(&before.elb_target_groups) {
            affected.target_groups.insert(changed.key.to_owned());
        }
        for changed in after.elb_targets.changed_since(&before.elb_targets) {
            let target = changed.after.or(changed.before);
            affected.target_groups.extend(target.map(|target| target.scope.key(&target.target_group)));
        }
        for changed in after.elb_load_balancer_placements.changed_since(&before.elb_load_balancer_placements)
        {
            affected.moved(after, &changed);
        }
        affected.by_what_listeners_use(before, after);
        affected
    }

    /// The load balancers that have one of these interfaces.
    pub fn with_interfaces(view: &View, eni_ids: &BTreeSet<&String>) -> Self {
        let placements = view.elb_load_balancer_placements.iter();
        let having = placements
            .filter(|(_, placement)| placement.zones.iter().any(|zone| eni_ids.contains(&zone.eni_id)));
        Self { load_balancers: having.map(|(key, _)| key.to_owned()).collect(), ..Self::default() }
    }

    /// Whether a target group has a load balancer hangs on who forwards to it.
    fn forwards(&mut self, action: &Action) {
        self.target_groups.extend(action.target_groups().filter_map(target_group_key));
    }

    /// Target groups may hold load balancers, whose address is their place's.
    fn moved(&mut self, view: &View, changed: &Changed<'_, LoadBalancerPlacement>) {
        self.load_balancers.insert(changed.key.to_owned());
        let Some(placement) = changed.after.or(changed.before) else { return };
        let arn =
            placement.scope.arn("elasticloadbalancing", &format!("loadbalancer/{}", placement.load_balancer));
        let holding = view.elb_target_groups.iter().filter(|(key, _)| {
            view.elb_targets.by(Target::TARGET_GROUP, key).take(1).any(|target| target.target_id == arn)
        });
        self.target_groups.extend(holding.map(|(key, _)| key.to_owned()));
    }

    fn by_what_listeners_use(&mut self, before: &View, after: &View) {
        for changed in after.acm_certificates.changed_since(&before.acm_certificates) {
            let arn = changed.after.or(changed.before).map(|row| Certificate::arn(row)).unwrap_or_default();
            let listeners = after.elb_listeners.by("certificate", &arn);
            let using = listeners.map(|listener| listener.scope.key(&listener.load_balancer));
            self.load_balancers.extend(using);
        }
        for changed in after.security_groups.changed_since(&before.security_groups) {
            let key = changed.after.or(changed.before).map(|row| SecurityGroup::key(row)).unwrap_or_default();
            let using = after.elb_load_balancers.by("security-group", &key);
            self.load_balancers.extend(using.map(|row| row.key()));
        }
        for changed in after.vpcs.changed_since(&before.vpcs) {
            // Blocks come and go seldom: looking at every load balancer then needs no index.
            let is_in = |row: &LoadBalancer| row.scope.key(&row.vpc_id) == changed.key;
            let inside = after.elb_load_balancers.iter().filter(|(_, row)| is_in(row.record()));
            self.load_balancers.extend(inside.map(|(key, _)| key.to_owned()));
        }
    }
}

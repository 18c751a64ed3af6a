//! What every journal keeps, run for each implementation. The page that it proves is `storage::journal`.

mod appends;
mod control;
mod deadlines;
mod ends;
mod fixture;
mod losses;
mod producers;
mod reads;
mod redis;
mod redis_control;
mod sqlite;
mod sqlite_sweeps;
mod verdicts;
pub(crate) mod words;
mod workers;

/// Makes of each `async fn name(kind: Kind)` a test per implementation.
macro_rules! contract {
    ($module:ident: $($name:ident)+) => {
        mod $module {
            mod memory {
                $(#[tokio::test] async fn $name() { crate::journal::$module::$name(crate::journal::fixture::Kind::Memory).await })+
            }
            mod sqlite {
                $(#[tokio::test] async fn $name() { crate::journal::$module::$name(crate::journal::fixture::Kind::Sqlite).await })+
            }
            mod redis {
                $(#[tokio::test] async fn $name() { crate::journal::$module::$name(crate::journal::fixture::Kind::Redis).await })+
            }
        }
    };
}

mod contract {
    contract! { appends:
        a_run_is_born_with_its_first_event
        a_post_is_stored_whole_or_not_at_all_and_the_posts_beside_it_do_not_share_its_fate
        posts_that_fit_share_a_segment_and_larger_ones_are_cut
        an_append_past_its_deadline_stores_nothing
        a_precondition_lets_exactly_one_of_many_win
        a_conditional_append_repeated_hears_that_it_had_won
        a_sealed_run_refuses_posts_and_answers_repeats
        the_last_moment_of_a_run_takes_its_last_word
        a_full_run_takes_its_last_word_and_the_servers_own
    }
    contract! { producers:
        a_repeated_post_is_all_duplicate_however_late
        a_post_that_overlaps_stores_its_tail
        an_old_status_in_a_repeated_part_does_not_come_back
        a_gap_is_refused_with_the_number_that_would_fit
        a_gap_is_announced_before_the_events
        a_gap_is_allowed_where_asked
        a_producers_first_number_is_one
        a_run_has_room_for_so_many_producers
        the_newest_own_producers_are_remembered
        numbers_out_of_range_are_refused
    }
    contract! { reads:
        a_read_starts_with_the_segment_that_holds_the_next_event
        a_read_ends_at_its_byte_limit_but_gives_at_least_one_segment
        a_read_event_is_what_was_posted_byte_for_byte
        changed_runs_are_listed_oldest_change_first
        idle_runs_are_those_that_can_grow
        a_listing_goes_on_behind_its_last_run_and_tells_each_once
    }
    contract! { ends:
        only_old_ended_runs_expire
        expiry_keeps_to_its_limit_and_says_that_more_is_due
        a_run_is_removed_when_it_has_ended_or_whoever_asks_insists
        a_tombstone_refuses_late_posts_and_keeps_the_last_seq
        a_name_is_free_after_its_tombstone_and_begins_in_another_epoch
        many_writers_of_many_runs_lose_nothing_and_share_no_seq
        a_settled_head_knows_every_append_queued_before
        a_closed_journal_refuses_appends
    }
    contract! { control:
        a_decision_is_judged_on_what_the_posts_before_it_have_left
        a_decision_that_is_stored_is_answered_and_not_judged
        of_many_that_decide_on_the_same_control_one_wins
        the_last_control_event_is_known_to_the_event
        segments_end_before_and_after_posts_with_control
        control_is_read_alone_and_in_pages
        a_full_run_can_be_steered_and_its_commands_take_nothing_from_it
        nothing_of_its_control_is_left_of_a_run_that_has_expired
    }
    contract! { workers:
        events_say_who_posted_them_and_when
        what_is_posted_again_keeps_its_time_and_only_the_rest_gets_one
        how_producers_stand_is_kept_beside_their_marks
        the_servers_word_is_the_runs_until_somebody_joins_anew
        shards_are_waited_for_until_they_are_given_up
        whoever_joins_with_a_shard_takes_the_place_of_the_one_that_had_it
    }
    contract! { deadlines:
        a_deadline_is_set_by_a_decision_and_brought_forward_by_anything_else
        what_is_not_stored_moves_no_deadline
        due_runs_are_listed_earliest_first_up_to_a_time_and_a_number
        a_deadline_is_settled_only_while_the_control_that_was_seen_stands
        a_deadline_stored_while_another_is_settled_is_not_lost
        who_steers_moves_a_runs_place_in_lists_and_not_its_activity
        a_run_expires_by_its_activity_however_late_it_was_steered
    }
    contract! { losses:
        control_is_reset_once_in_a_new_epoch_and_defeats_what_was_decided
        a_decision_stored_before_a_loss_is_still_answered
    }
}

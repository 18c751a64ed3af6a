// Written by scripts/generate.mjs from docs/vocabulary.json.

import type {
  RunStatusEvent,
  TestPlanEvent,
  TestStatusEvent,
  TestStepEvent,
  ErrorEvent,
  LogEvent,
  WorkerEvent,
  CommandStatusEvent,
  AiStuckEvent,
} from './producer-events.js';
import type {
  EventsLostEvent,
  SealedEvent,
  ArtifactEvent,
  PauseRequestedEvent,
  CancelRequestedEvent,
  ResumeRequestedEvent,
  HoldRequestedEvent,
  InstructionsUpdatedEvent,
  StepRequestedEvent,
  RunToRequestedEvent,
  ActionQueuedEvent,
  StepOverrideQueuedEvent,
  ReplayStepRequestedEvent,
  CommandWithdrawnEvent,
  AskAnsweredEvent,
  AskExtendedEvent,
  ControlTakenEvent,
  ControlReleasedEvent,
  ControlResetEvent,
  CommandExpiredEvent,
  AskExpiredEvent,
  AskReopenedEvent,
  ProducerStatusEvent,
  ShardsGivenUpEvent,
} from './server-events.js';

/** The events that mean something to the server, by type. */
export interface EventMap {
  run_status: RunStatusEvent;
  test_plan: TestPlanEvent;
  test_status: TestStatusEvent;
  test_step: TestStepEvent;
  error: ErrorEvent;
  log: LogEvent;
  worker: WorkerEvent;
  command_status: CommandStatusEvent;
  ai_stuck: AiStuckEvent;
  events_lost: EventsLostEvent;
  sealed: SealedEvent;
  artifact: ArtifactEvent;
  pause_requested: PauseRequestedEvent;
  cancel_requested: CancelRequestedEvent;
  resume_requested: ResumeRequestedEvent;
  hold_requested: HoldRequestedEvent;
  instructions_updated: InstructionsUpdatedEvent;
  step_requested: StepRequestedEvent;
  run_to_requested: RunToRequestedEvent;
  action_queued: ActionQueuedEvent;
  step_override_queued: StepOverrideQueuedEvent;
  replay_step_requested: ReplayStepRequestedEvent;
  command_withdrawn: CommandWithdrawnEvent;
  ask_answered: AskAnsweredEvent;
  ask_extended: AskExtendedEvent;
  control_taken: ControlTakenEvent;
  control_released: ControlReleasedEvent;
  control_reset: ControlResetEvent;
  command_expired: CommandExpiredEvent;
  ask_expired: AskExpiredEvent;
  ask_reopened: AskReopenedEvent;
  producer_status: ProducerStatusEvent;
  shards_given_up: ShardsGivenUpEvent;
}

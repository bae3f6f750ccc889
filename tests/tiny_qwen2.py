"""Build a tiny Qwen2 model with a tokenizer and a LoRA adapter: `python tests/tiny_qwen2.py FOLDER`.

Random weights, the real architecture and file formats. Runs in the environment of the vLLM server, which has torch and
transformers; the environment of the tests needs neither.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

CONTROL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
EXEMPLARS = Path(__file__).resolve().parents[1] / "prompts" / "exemplars"
LORA_RANK = 8


def build_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=2000,
        special_tokens=CONTROL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train([str(path) for path in sorted(EXEMPLARS.glob("*.jsonl"))], trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    fast.chat_template = CHAT_TEMPLATE
    return fast


def build_model(tokenizer: PreTrainedTokenizerFast) -> Qwen2ForCausalLM:
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=24,  # deep: the server in front keeps up with the engine, and an abort finds it at work
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=4096,
        tie_word_embeddings=False,
        initializer_range=0.2,  # wide, so that one token is clearly the likeliest and greedy runs repeat
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    model = Qwen2ForCausalLM(config).to(torch.bfloat16)
    with torch.no_grad():  # nearly never says the end token or half a character: text comes, up to max_tokens
        for token in range(len(tokenizer)):
            text = tokenizer.decode([token], skip_special_tokens=True)
            if not text or "\ufffd" in text:
                model.lm_head.weight[token] = 0
    return model


def lora_weights(model: Qwen2ForCausalLM) -> dict[str, torch.Tensor]:
    weights = {}
    for name, module in model.named_modules():
        if name.endswith(("q_proj", "v_proj", "o_proj")):
            shapes = {"A": (LORA_RANK, module.in_features), "B": (module.out_features, LORA_RANK)}
            for side, shape in shapes.items():
                weights[f"base_model.model.{name}.lora_{side}.weight"] = torch.randn(shape, dtype=torch.bfloat16) * 0.3
    return weights


def main(folder: Path) -> None:
    torch.manual_seed(20)
    tokenizer = build_tokenizer()
    model = build_model(tokenizer)
    tokenizer.save_pretrained(folder / "model")
    model.save_pretrained(folder / "model")

    adapter = folder / "adapter"
    adapter.mkdir()
    save_file(lora_weights(model), str(adapter / "adapter_model.safetensors"))
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "tiny",
        "r": LORA_RANK,
        "lora_alpha": 2 * LORA_RANK,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": ["q_proj", "v_proj", "o_proj"],
    }
    (adapter / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

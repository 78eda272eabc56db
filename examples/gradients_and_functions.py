"""What a unit of a network looks for: gradient ascent on its input, with K.gradients.

cornu run examples/gradients_and_functions.py
"""

import keras
import numpy as np
from keras import backend as K
from keras import layers, models
from keras.datasets import synthetic_digits
from keras.utils import to_categorical

keras.utils.set_random_seed(2)
(images, labels), _ = synthetic_digits.load_data(num_train=4000, num_test=10)
images = images.reshape((4000, 784)).astype("float32") / 255

model = models.Sequential()
model.add(layers.Dense(64, activation="relu", input_dim=784, name="hidden"))
model.add(layers.Dense(10, activation="softmax"))
model.compile("rmsprop", "categorical_crossentropy", metrics=["acc"])
model.fit(images, to_categorical(labels), epochs=3, batch_size=64, verbose=2)

# The loss is the mean activity of one unit; its gradient by the input, normalised.
hidden = model.get_layer("hidden").output
loss = K.mean(hidden[:, 0])
grads = K.gradients(loss, model.input)[0]
grads /= K.sqrt(K.mean(K.square(grads))) + 1e-5
iterate = K.function([model.input], [loss, grads])

image = np.full((1, 784), 0.5, "float32")
values = []
for _ in range(20):
    loss_value, grads_value = iterate([image])
    image += grads_value * 0.05
    values.append(float(loss_value))
print(f"activity of the unit: {values[0]:.3f} -> {values[-1]:.3f}")
assert values[-1] > values[0]

# The gradient is that of finite differences.
step = 1e-3
raw = K.function([model.input], [loss, K.gradients(loss, model.input)[0]])
value, slope = raw([image])
direction = np.random.default_rng(0).normal(size=image.shape).astype("float32")
there, _ = raw([image + step * direction])
back, _ = raw([image - step * direction])
difference = (there - back) / (2 * step)
print(f"slope {np.sum(slope * direction):.4f}, by differences {difference:.4f}")
assert abs(np.sum(slope * direction) - difference) < 1e-2 * abs(difference) + 1e-3

# Two outputs of the same model, and the gradient with respect to an inner layer.
activities = K.function([model.input], [hidden, model.output])([images[:5]])
assert [a.shape for a in activities] == [(5, 64), (5, 10)]
by_layer = K.gradients(model.output[:, 3], hidden)[0]
(heat,) = K.function([model.input], [by_layer])([images[:1]])
print(f"the class 3 depends on {np.count_nonzero(heat)} of 64 units")
assert heat.shape == (1, 64)
